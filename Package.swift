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

var targets: [Target] = [
    // Layer 6
    .executableTarget(
        name: "reprise",
        dependencies: [
            "Console", "Setup", "Insight", "Export", "Dataset", "Manifest", "Loading", "Build",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
    .executableTarget(
        name: "reprise-serve",
        dependencies: [
            "Console", "Explorer", "Build",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
    // Layer 5
    .target(
        name: "Console",
        dependencies: [
            "Remotes", "Build", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
    .target(
        name: "Setup",
        dependencies: ["Insight", "Manifest", "Loading", "Symbolic", "Audio", "SoundFiles", "Build"],
        swiftSettings: strict),
    .target(
        name: "Explorer",
        dependencies: ["Insight", "Dataset", "Manifest", "Loading", "Audio", "Build"],
        resources: [
            .embedInCode("Page/explorer.html"), .embedInCode("Page/explorer.css"),
            .embedInCode("Page/explorer.js"), .embedInCode("Page/filters.js"),
            .embedInCode("Page/segment.js"), .embedInCode("Page/alignment.js"), .embedInCode("Page/pair.js"),
            .embedInCode("Page/runs.js"), .embedInCode("Page/notes.js"),
            .embedInCode("Page/snapshots.js"), .embedInCode("Page/changes.js"),
        ],
        swiftSettings: strict),
    // Layer 4
    .target(
        name: "Insight",
        dependencies: [
            "Dataset", "Manifest", "Loading", "Describing", "Symbolic", "Build", "Tensors", "CPNG",
        ],
        exclude: ["Report/chart.min.js.LICENSE"],
        resources: [
            .embedInCode("Report/chart.min.js"), .embedInCode("Report/page.js"),
            .embedInCode("Report/report.js"), .embedInCode("Report/report.css"),
            .embedInCode("Report/sound.js"), .embedInCode("Report/comparison.js"),
            .embedInCode("Report/comparison.css"), .embedInCode("Report/lanes.js"),
            .embedInCode("Report/roll.js"), .embedInCode("Report/roll.css"),
            .embedInCode("Report/listening.js"), .embedInCode("Report/listening.css"),
        ],
        swiftSettings: strict),
    .target(
        name: "Export",
        dependencies: [
            "Dataset", "Manifest", "Loading", "Symbolic", "Audio", "SoundFiles", "Tensors", "Build", "CZlib",
        ],
        swiftSettings: strict),
    .target(
        name: "Dataset",
        dependencies: [
            "Loading", "Manifest", "Describing", "Symbolic", "Audio", "SoundFiles", "Tensors", "Build",
        ],
        swiftSettings: strict),
    .target(
        name: "Preparation",
        dependencies: ["Dataset", "Manifest", "Loading", "Symbolic", "Audio", "SoundFiles", "Build"],
        swiftSettings: strict),
    // Layer 2
    .target(name: "Loading", dependencies: ["Symbolic", "Tensors", "Build"], swiftSettings: strict),
    .target(
        name: "Manifest",
        dependencies: ["Audio", "Symbolic", "Build", .product(name: "Yams", package: "Yams")],
        swiftSettings: strict),
    .target(
        name: "Describing", dependencies: ["Audio", "Symbolic", "Tensors", "Build"], swiftSettings: strict),
    // Layer 1
    .target(name: "Symbolic", dependencies: ["Tensors"], swiftSettings: strict),
    .target(
        name: "Audio",
        dependencies: ["SoundFiles", "Tensors", "CSndfile", "CMpg123", "CSamplerate", "CSoxr", "CFFTW"],
        swiftSettings: strict),
    .target(
        name: "Remotes", dependencies: ["Build", "CCurl", .product(name: "Crypto", package: "swift-crypto")],
        swiftSettings: strict),
    // Layer 0
    .target(name: "Tensors", swiftSettings: strict),
    .target(name: "SoundFiles", dependencies: ["CSndfile", "CMpg123"], swiftSettings: strict),
    .target(
        name: "Build",
        dependencies: [
            .product(name: "GRDB", package: "GRDB.swift"),
            .product(name: "Crypto", package: "swift-crypto"),
        ],
        swiftSettings: strict),
    // libcurl is loaded when it is first used (Sources/CCurl/curl.c).
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .systemLibrary(
        name: "CSndfile", pkgConfig: "sndfile",
        providers: [.apt(["libsndfile1-dev"]), .brew(["libsndfile"])]),
    .systemLibrary(
        name: "CMpg123", pkgConfig: "libmpg123",
        providers: [.apt(["libmpg123-dev"]), .brew(["mpg123"])]),
    .systemLibrary(
        name: "CSamplerate", pkgConfig: "samplerate",
        providers: [.apt(["libsamplerate0-dev"]), .brew(["libsamplerate"])]),
    .systemLibrary(
        name: "CSoxr", pkgConfig: "soxr", providers: [.apt(["libsoxr-dev"]), .brew(["libsoxr"])]),
    .systemLibrary(
        name: "CFFTW", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"]), .brew(["fftw"])]),
    .systemLibrary(
        name: "CEBUR128", pkgConfig: "libebur128",
        providers: [.apt(["libebur128-dev"]), .brew(["libebur128"])]),
    .systemLibrary(
        name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
        name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    // Measured by tools/bench; no product, no layer.
    .executableTarget(
        name: "Kernels",
        // Audio's kernels are not public: its sources are linked into the folder.
        dependencies: [
            "Dataset", "Manifest", "Describing", "Symbolic", "Build", "SoundFiles", "Tensors", "CSndfile",
            "CMpg123", "CSamplerate", "CSoxr", "CFFTW", "CAllocations",
        ],
        path: "tools/benchmarks/kernels", swiftSettings: strict),
    .target(name: "CAllocations", path: "tools/benchmarks/allocations", publicHeadersPath: "."),
    .executableTarget(
        name: "LoaderSpeed", dependencies: ["Dataset", "Loading", "Tensors"],
        path: "tools/benchmarks/loader-speed",
        swiftSettings: strict),
    .executableTarget(
        name: "InversionSpeed", dependencies: ["Audio", "Tensors"], path: "tools/benchmarks/inversion",
        swiftSettings: strict),
    .executableTarget(
        name: "InversionRoundTrip", dependencies: ["Audio", "SoundFiles", "Tensors"],
        path: "tools/benchmarks/round-trip", swiftSettings: strict),
    // Tests mirror Sources; the last two look at the whole.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"], swiftSettings: strict),
    .testTarget(name: "BuildTests", dependencies: ["TestSupport", "Build"], swiftSettings: strict),
    .testTarget(
        name: "RemotesTests", dependencies: ["TestSupport", "Remotes", "Build"], swiftSettings: strict),
    .testTarget(
        name: "AudioTests", dependencies: ["Audio", "SoundFiles", "Tensors", "CEBUR128"],
        swiftSettings: strict),
    .testTarget(name: "SymbolicTests", dependencies: ["Symbolic", "Tensors"], swiftSettings: strict),
    .testTarget(
        name: "ManifestTests", dependencies: ["TestSupport", "Manifest", "Symbolic", "Audio", "Build"],
        swiftSettings: strict),
    .testTarget(
        name: "DatasetTests",
        dependencies: [
            "TestSupport", "Dataset", "Export", "Manifest", "Loading", "Describing", "Symbolic", "Audio",
            "Build",
            "Tensors",
        ],
        swiftSettings: strict),
    .testTarget(
        name: "PreparationTests",
        dependencies: [
            "TestSupport", "Preparation", "Dataset", "Loading", "Symbolic", "Audio", "Build", "Tensors",
        ],
        swiftSettings: strict),
    .testTarget(
        name: "InsightTests",
        dependencies: [
            "TestSupport", "Insight", "Dataset", "Manifest", "Loading", "Describing", "Symbolic", "Build",
            "Tensors", "CPNG",
        ],
        swiftSettings: strict),
    .testTarget(
        name: "SetupTests",
        dependencies: ["TestSupport", "Setup", "Dataset", "Manifest", "Loading", "Build"],
        swiftSettings: strict),
    .testTarget(
        name: "ExplorerTests",
        dependencies: [
            "TestSupport", "Explorer", "Insight", "Export", "Dataset", "Manifest", "Loading", "Audio",
            "Symbolic",
            "Build",
        ],
        swiftSettings: strict),
    .testTarget(
        name: "ConsoleTests",
        dependencies: [
            "Console", "Build", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
    .testTarget(name: "ArchitectureTests", swiftSettings: strict),
    .testTarget(
        name: "EndToEndTests", dependencies: ["TestSupport", "reprise", "reprise-serve"],
        swiftSettings: strict),
]

/// The folder of libtorch (`include`, `lib`); without it the trainer is left out. Only the variable is asked, since a
/// look at the disk would be remembered with the manifest.
if let libtorch = Context.environment["LIBTORCH"], !libtorch.isEmpty {
    targets += [
        // Layer 6
        .executableTarget(
            name: "reprise-train",
            dependencies: [
                "Console", "Systems", "Judging", "Training", "Insight", "Dataset", "Manifest", "Loading",
                "SoundFiles", "Torch", "Build",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // Layer 5
        .target(
            name: "Systems",
            dependencies: [
                "Pretrained", "Training", "Preparation", "Loading", "Symbolic", "Torch", "Tensors", "Build",
            ],
            swiftSettings: strict),
        .target(
            name: "Judging",
            dependencies: [
                "Pretrained", "Training", "Dataset", "Manifest", "Loading", "Symbolic", "Audio", "SoundFiles",
                "Torch", "Tensors", "Build",
            ],
            swiftSettings: strict),
        // Layer 4
        .target(
            name: "Pretrained", dependencies: ["Training", "Torch", "Tensors", "Build"],
            swiftSettings: strict),
        // Layer 3
        .target(
            name: "Training", dependencies: ["Loading", "Torch", "Tensors", "Build"], swiftSettings: strict),
        // Layer 1
        .target(name: "Torch", dependencies: ["Tensors", "CTorch"], swiftSettings: strict),
        // Layer 0
        .target(
            name: "CTorch",
            cxxSettings: [.unsafeFlags(["-isystem", "\(libtorch)/include"])],
            linkerSettings: [
                // An installation has a libtorch of its own beside the programs (tools/lib/installer).
                .unsafeFlags([
                    "-L\(libtorch)/lib",
                    "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/../lib/reprise/torch/lib",
                    "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib",
                ]),
                .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
                // Nothing names a symbol of libtorch itself, but it is what brings CUDA's operators.
                .unsafeFlags(
                    ["-Xlinker", "--no-as-needed", "-ltorch", "-Xlinker", "--as-needed"],
                    .when(platforms: [.linux])),
            ]),
        .testTarget(name: "TorchTests", dependencies: ["Torch", "Tensors"], swiftSettings: strict),
        .testTarget(
            name: "TrainingTests",
            dependencies: ["Training", "Dataset", "Loading", "Torch", "Tensors", "Build"],
            swiftSettings: strict),
        .testTarget(
            name: "SystemsTests",
            dependencies: [
                "TestSupport", "Systems", "Training", "Dataset", "Manifest", "Loading", "Symbolic",
                "Torch", "Tensors", "Build",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "JudgingTests",
            dependencies: [
                "TestSupport", "Judging", "Pretrained", "Training", "Dataset", "Loading", "Symbolic", "Audio",
                "Torch", "Tensors",
                "Build",
            ],
            swiftSettings: strict),
    ]
}

let package = Package(
    name: "reprise",
    products: [
        .executable(name: "reprise", targets: ["reprise"]),
        .executable(name: "reprise-serve", targets: ["reprise-serve"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: targets,
    cxxLanguageStandard: .cxx20
)
