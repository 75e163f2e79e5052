import Manifest
import Testing

/// Keys that were renamed: the old name is read as the new one, with a warning.
@Suite struct RenamedKeyTests {
    private let old = "midi: {require: {metre: 3/4, constant_metre: true}}\n"
    private let new = "midi: {require: {time_signature: 3/4, constant_time_signature: true}}\n"

    @Test func anOldNameIsReadAsTheNewOneWithAWarning() throws {
        let manifest = try ManifestTests.with(old)
        #expect(manifest.midi?.requiredTimeSignature.map { [$0.numerator, $0.denominator] } == [3, 4])
        #expect(manifest.midi?.requiresConstantTimeSignature == true)
        #expect(
            manifest.warnings == [
                "m.yaml:4: midi.require.metre is now called 'time_signature'; rename it",
                "m.yaml:4: midi.require.constant_metre is now called 'constant_time_signature'; rename it",
            ])
        let renamed = try ManifestTests.with(new)
        #expect(renamed.warnings == [])
        #expect(manifest.effective == renamed.effective)
    }

    @Test func bothNamesTogetherAreAFault() {
        for keys in ["metre: 3/4, time_signature: 3/4", "time_signature: 3/4, metre: 4/4"] {
            let text = "version: 1\ndataset: d\nsources: [{path: '*.mid'}]\nmidi: {require: {\(keys)}}\n"
            let faults = ManifestTests.faults(Array(text.utf8))
            #expect(faults.count == 1 && faults.allSatisfy { $0.contains("time_signature") }, "\(faults)")
        }
    }
}
