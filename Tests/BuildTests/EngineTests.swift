import Testing

@testable import Build

@Suite struct EngineTests {
    let folder: TemporaryFolder
    var path: String { "\(folder.path)/cache" }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func double(_ value: Int, version: Int = 1, by factor: Int = 2) -> Action {
        Action(
            Stage("double", version: version), parameters: ["factor": JSONValue(factor)],
            inputs: [Input("source", Digest(of: Array("\(value)".utf8)))], subject: "n\(value)")
    }

    @Test func initialNullAndOneChange() throws {
        func build(factor: Int = 2) throws -> [String] {
            let events = Monitor<[String]>([])
            let cache = try Cache(path: path, for: .building(wait: false))
            let engine = Engine(cache) { event in
                events.withLock { events in
                    switch event {
                    case .hit(let record): events.append("\(record.subject) hit")
                    case .ran(let record, let reason): events.append("\(record.subject) \(reason)")
                    }
                }
            }
            for value in 1...3 {
                let record = try engine.run(double(value, by: factor)) { context in
                    try context.write(Array("\(value * factor)".utf8), as: "product")
                    context.facts = ["product": JSONValue(value * factor)]
                }
                #expect(
                    try cache.bytes(of: record.output("product").digest) == Array("\(value * factor)".utf8))
                #expect(record.facts["product"]?.integer == value * factor)
            }
            try engine.flush()
            return events.withLock { $0 }
        }
        #expect(try build() == ["n1 never built", "n2 never built", "n3 never built"])
        #expect(try build() == ["n1 hit", "n2 hit", "n3 hit"])
        #expect(
            try build(factor: 3)
                == (1...3).map { "n\($0) parameters changed: factor 2 → 3" })
    }
}
