import Files

/// A page as one text: its data, style sheet and scripts are in it, and its content security policy lets it load only
/// what `sources` names.
struct PageDocument {
    /// The title until a script sets another.
    let title: String
    /// What the policy allows beside the page's own scripts and style, such as `img-src data:`.
    let sources: String
    let styles: [[UInt8]]
    let body: String
    /// The element that holds the data, as JSON.
    let dataID: String
    let data: JSONValue
    /// The script elements, each of one or more files.
    let scripts: [[[UInt8]]]

    /// The page, which ends with a line feed.
    var text: String {
        func text(_ files: [[UInt8]]) -> String {
            files.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
        }
        // In a script element only `</` could end the data early, and `<!--` change how the rest is read.
        let inScript = data.canonical.replacing("<", with: #"\u003c"#)
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" \
            content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \(sources)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <link rel="icon" href="data:,">
            <title>\(title)</title>
            <style>
            \(text(styles))
            </style>
            </head>
            <body>
            \(body)
            <script id="\(dataID)" type="application/json">\(inScript)</script>
            \(scripts.map { "<script>\n\(text($0))\n</script>" }.joined(separator: "\n"))
            </body>
            </html>

            """
    }
}
