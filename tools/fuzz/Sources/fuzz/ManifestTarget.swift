internal import Files
internal import Listing
internal import Manifest
internal import Storage

/// Manifests: a value or a `ManifestError` whose every fault has a line and words.
///
/// A manifest that was read gives its effective form, which is JSON, and canonical.
func fuzzManifest(_ bytes: [UInt8]) -> Int32 {
    do throws(ManifestError) {
        let manifest = try Manifest(bytes: bytes, file: "fuzz.yaml")
        let text = manifest.effective.canonicalBytes
        do throws(JSONError) {
            law(try JSONValue(parsing: text) == manifest.effective, "the effective manifest is JSON")
        } catch {
            law(false, "the effective manifest is JSON: \(error)")
        }
    } catch {
        law(!error.faults.isEmpty, "an error has faults")
        let lines = 1 + bytes.count { $0 == 0x0A || $0 == 0x0D || $0 >= 0x80 }
        for fault in error.faults {
            law(!fault.message.isEmpty && fault.line >= 1, "a fault has a line and words: \(fault)")
            law(fault.line <= lines + 1, "a fault's line is in the file: \(fault)")
        }
    }
    return 0
}

/// JSON, as journals and snapshots are read: a value that is written is read as the same, or a `JSONError`; what is a value
/// is skipped too, to the same end.
func fuzzJSON(_ bytes: [UInt8]) -> Int32 {
    let isPassed = bytes.withUnsafeBytes { isPassedOver($0) }
    do throws(JSONError) {
        let value = try JSONValue(parsing: bytes)
        let text = value.canonicalBytes
        let again = try JSONValue(parsing: text)
        law(again.canonicalBytes == text, "canonical JSON is read as the same")
        law(isPassed, "what is a value is skipped")
        _ = ActionRecord(json: value)
    } catch {
        law((0...bytes.count).contains(error.offset), "an error's offset is in the text: \(error)")
    }
    return 0
}

private func isPassedOver(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var reader = JSONReader(bytes)
    do throws(JSONError) {
        let text = try reader.text()
        law(text.count <= bytes.count, "a text lies in the text")
        try reader.end()
        return true
    } catch {
        law((0...bytes.count).contains(error.offset), "an error's offset is in the text: \(error)")
        return false
    }
}
