// swift-tools-version: 6.2
// The module table of docs/architecture.md; Tests/ArchitectureTests holds the two together.

import PackageDescription

/// Every target of ours: Swift 6 mode (by the tools version), warnings are errors, three upcoming features.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "reprise",
    targets: [
        // Layer 0
        .target(name: "Tensors", swiftSettings: strict),
        // Tests mirror Sources; the last two look at the whole.
        .testTarget(name: "TensorsTests", dependencies: ["Tensors"], swiftSettings: strict),
    ]
)
