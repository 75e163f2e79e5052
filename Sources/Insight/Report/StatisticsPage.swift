import Build

extension DatasetStatistics {
    /// Writes the page to a file.
    ///
    /// - Throws: `BuildError` if it cannot be written.
    public func writeHTML(_ path: String) throws {
        try OutputFile.write(Array(html.utf8), to: path)
    }

    /// The statistics as one page that needs nothing else: no server, no network, no other file.
    ///
    /// It holds the object of `json`, a style sheet, a script of ours and Chart.js 3.9.1 (MIT licence), by which the
    /// browser draws; its content security policy lets it load nothing.
    public var html: String { page(backTo: nil) }

    /// The page as a server of the explorer gives it, with a link back to the explorer.
    ///
    /// - Parameter address: where the explorer is, such as `/`.
    /// - Returns: the page.
    public func html(backTo address: String) -> String { page(backTo: address) }

    private func page(backTo address: String?) -> String {
        let data = json.inScript
        let back = address.map { #"<p class="no-print"><a href="\#($0)">← Explorer</a></p>"# } ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" \
            content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <link rel="icon" href="data:,">
            <title>statistics</title>
            <style>
            \(String(decoding: PackageResources.report_css, as: UTF8.self))
            </style>
            </head>
            <body>
            <header>\(back)<h1 id="name"></h1><p class="soft">snapshot <code id="snapshot"></code></p></header>
            <ul class="figures" id="figures"></ul>
            <section><h2>Problems</h2><div id="problems"></div></section>
            <section><h2>Counts</h2><div id="counts"></div></section>
            <p class="no-print" style="margin-top:2rem"><label>Charts for <select id="grouping"></select></label></p>
            <section id="midi"><h2>Notes</h2><div class="charts" id="midi-charts"></div>
            <h2>Notes by source</h2><div id="midi-table"></div>
            <div class="charts" id="midi-spreads" style="margin-top:1rem"></div></section>
            <section id="audio"><h2>Audio</h2><div class="charts" id="audio-charts"></div>
            <h2>Audio by source</h2><div id="audio-table"></div>
            <div class="charts" id="audio-spreads" style="margin-top:1rem"></div></section>
            <footer><p>Made by Reprise. Charts by Chart.js 3.9.1, © 2014–2022 Chart.js Contributors, MIT licence.</p></footer>
            <script id="statistics" type="application/json">\(data)</script>
            <script>
            \(String(decoding: PackageResources.chart_min_js, as: UTF8.self))
            </script>
            <script>
            \(String(decoding: PackageResources.page_js, as: UTF8.self))
            \(String(decoding: PackageResources.report_js, as: UTF8.self))
            </script>
            </body>
            </html>

            """
    }
}

extension JSONValue {
    /// The canonical text for a script element of a page, in which only `</` could end the data early, and `<!--` change
    /// how the rest is read.
    var inScript: String { canonical.replacing("<", with: #"\u003c"#) }
}

/// Chart.js 3.9.1 (MIT licence), which draws the charts of all pages.
public enum ChartScript {
    /// The script, UTF-8.
    public static var bytes: [UInt8] { PackageResources.chart_min_js }
}

/// What the scripts of all pages share: elements, and numbers as people read them.
public enum PageScript {
    /// The script, UTF-8.
    public static var bytes: [UInt8] { PackageResources.page_js }
}

/// What plays notes and files in pages.
public enum SoundScript {
    /// The script, UTF-8.
    public static var bytes: [UInt8] { PackageResources.sound_js }
}
