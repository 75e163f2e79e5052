import Files
import Testing

/// Texts of any origin in Markdown and YAML, by the rules of CommonMark 0.31 and of GitHub's tables.
struct MarkupTests {
    @Test(arguments: [
        ("plain words, 3.5 (a)", "plain words, 3.5 (a)"), ("a*b_c`d", "a\\*b\\_c\\`d"),
        ("[x](y) <b> #1", "\\[x\\](y) \\<b\\> \\#1"), ("a|b \\ &amp;", "a\\|b \\\\ \\&amp;"),
        ("- item", "\\- item"), ("+1", "\\+1"), ("12. point", "12\\. point"), ("1) point", "1\\) point"),
        ("# not a heading", "\\# not a heading"), ("two\nlines", "two\\\\nlines"), ("=", "\\="),
    ])
    func nothingOfATextIsMarkup(_ text: String, _ wanted: String) {
        // A line end is shown as `\n`, whose backslash is escaped as any other.
        #expect(Markdown.text(text) == wanted)
    }

    @Test(arguments: [
        ("jazz", "`jazz`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("``x", "``` ``x ```"), ("a\nb", "`a\\nb`"),
    ])
    func codeEndsWhereItsTextDoes(_ text: String, _ wanted: String) {
        #expect(Markdown.code(text) == wanted)
    }

    @Test func aBlockHasALongerFenceThanItsText() {
        #expect(Markdown.block("a\nb", language: "python") == ["```python", "a\nb", "```"])
        #expect(Markdown.block("```\n````\n") == ["`````", "```\n````\n", "`````"])
    }

    @Test func onlyAddressesOfTheWebAreLinks() {
        #expect(Markdown.link("https://a.b/c?d=e") == "<https://a.b/c?d=e>")
        #expect(Markdown.link("javascript:alert(1)") == "javascript:alert(1)")
        #expect(Markdown.link("https://a.b> [x](y)") == "https://a.b\\> \\[x\\](y)")
    }

    @Test func aBarEndsNoCell() {
        #expect(
            Markdown.table(["a", "b"], [[Markdown.code("x|y"), Markdown.text("x|y")]])
                == ["| a | b |", "| --- | --- |", "| `x\\|y` | x\\|y |"])
    }

    @Test func yamlTakesAnyText() {
        #expect(YAML.quoted("a: \"b\"\n- c") == #""a: \"b\"\n- c""#)
        #expect(YAML.quoted("\u{7F}\u{85}\u{2028}é\u{FEFF}") == #""\u007f\u0085\u2028é\ufeff""#)
    }

    @Test(arguments: [
        ("jazz", "jazz"), ("", ""), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), (" a", "\" a\""),
        ("a\r\nb", "\"a\r\nb\""), ("a,\u{301}b", "\"a,\u{301}b\""), ("\"\u{301}", "\"\"\"\u{301}\""),
        ("a;b|c", "a;b|c"),
    ])
    func aCellEndsWhereItsTextDoes(_ text: String, _ wanted: String) {
        // By bytes: strings that differ in canonical form alone are equal.
        #expect(Array(CSV.cell(text).utf8) == Array(wanted.utf8))
    }
}
