import Files

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
        let back = address.map { #"<p class="no-print"><a href="\#($0)">← Explorer</a></p>"# } ?? ""
        let body = """
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
            """
        return PageDocument(
            title: "statistics", sources: "img-src data:", styles: [PackageResources.report_css], body: body,
            dataID: "statistics", data: json,
            scripts: [
                [PackageResources.chart_min_js], [PackageResources.page_js, PackageResources.report_js],
            ]
        ).text
    }
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

/// What draws and plays notes and features on one axis of time.
public enum RollScript {
    /// The script, UTF-8; it needs those of `PageScript` and `SoundScript`.
    public static var bytes: [UInt8] { PackageResources.lanes_js + [10] + PackageResources.roll_js }
    /// Its style sheet, UTF-8.
    public static var style: [UInt8] { PackageResources.roll_css }
}
