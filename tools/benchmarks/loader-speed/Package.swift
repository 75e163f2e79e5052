// swift-tools-version: 6.2
// The loader's speed beside memcpy's: `swift run -c release loader-speed`.

import PackageDescription

let package = Package(
    name: "loader-speed",
    dependencies: [.package(name: "reprise", path: "../../..")],
    targets: [
        .executableTarget(
            name: "loader-speed", dependencies: [.product(name: "Dataset", package: "reprise")],
            swiftSettings: [
                .treatAllWarnings(as: .error),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ])
    ])
