// swift-tools-version: 6.2
// Fuzz targets over the same sources as the package above (by links), built with AddressSanitizer and libFuzzer's
// coverage. It is a package of its own because such flags may not be in a package that others depend on.

import Foundation
import PackageDescription

/// libFuzzer without its `main`, from Swift's own toolchain; `run` says where it lies.
let runtime = ProcessInfo.processInfo.environment["FUZZER_RUNTIME"] ?? "libclang_rt.fuzzer_no_main.a"

/// As the package above, and coverage.
let instrumented: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .unsafeFlags(["-sanitize=fuzzer"]),
]

let package = Package(
    name: "fuzz",
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CFuzzer", "Manifest", "Listing", "Symbolic", "Audio", "Storage", "SoundFiles", "Tensors", "Files",
            ],
            swiftSettings: instrumented,
            linkerSettings: [.unsafeFlags([runtime]), .linkedLibrary("stdc++")]),
        .target(name: "CFuzzer"),
        .target(
            name: "Manifest",
            dependencies: [
                "Listing", "Symbolic", "Audio", "Storage", "Files", .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: instrumented),
        .target(name: "Symbolic", dependencies: ["Tensors"], swiftSettings: instrumented),
        .target(
            name: "Audio",
            dependencies: [
                "SoundFiles", "CSndfile", "CMpg123", "CSamplerate", "CSoxr", "CFFTW",
            ],
            swiftSettings: instrumented),
        .target(name: "SoundFiles", dependencies: ["CSndfile", "CMpg123"], swiftSettings: instrumented),
        .target(name: "Tensors", swiftSettings: instrumented),
        .target(name: "Listing", dependencies: ["Storage", "Files"], swiftSettings: instrumented),
        .target(
            name: "Storage", dependencies: ["Files", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: instrumented),
        .target(
            name: "Files", dependencies: [.product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: instrumented),
        .systemLibrary(name: "CSndfile", pkgConfig: "sndfile"),
        .systemLibrary(name: "CMpg123", pkgConfig: "libmpg123"),
        .systemLibrary(name: "CSamplerate", pkgConfig: "samplerate"),
        .systemLibrary(name: "CSoxr", pkgConfig: "soxr"),
        .systemLibrary(name: "CFFTW", pkgConfig: "fftw3f"),
    ]
)
