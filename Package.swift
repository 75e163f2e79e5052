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
    // Layer 8
    .executableTarget(
        name: "reprise-serve",
        dependencies: [
            "Explorer", "Console", "Files",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
    // Layer 7
    .target(
        name: "Explorer",
        dependencies: [
            "Insight", "Runs", "Dataset", "Loading", "Manifest", "Build", "Listing", "Audio", "Pictures",
            "Storage", "Files", "SoundFiles",
        ],
        resources: [
            .embedInCode("Page/explorer.html"), .embedInCode("Page/explorer.css"),
            .embedInCode("Page/explorer.js"), .embedInCode("Page/filters.js"),
            .embedInCode("Page/segment.js"), .embedInCode("Page/alignment.js"), .embedInCode("Page/pair.js"),
            .embedInCode("Page/runs.js"), .embedInCode("Page/notes.js"),
            .embedInCode("Page/snapshots.js"), .embedInCode("Page/changes.js"),
        ],
        swiftSettings: strict),
    .executableTarget(
        name: "reprise",
        dependencies: [
            "Insight", "Export", "Runs", "Dataset", "Setup", "Console", "Loading", "Manifest", "Build",
            "Listing", "Pictures", "Storage", "Files",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
    // Layer 6
    .target(
        name: "Insight",
        dependencies: [
            "Runs", "Dataset", "Loading", "Manifest", "Describing", "Pictures", "Storage", "Symbolic",
            "Files", "Tensors",
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
    // Layer 5
    .target(
        name: "Export",
        dependencies: [
            "Dataset", "Loading", "Manifest", "Build", "Storage", "Symbolic", "Files", "SoundFiles",
            "Tensors", "CZlib",
        ],
        swiftSettings: strict),
    .target(
        name: "Preparation",
        dependencies: [
            "Dataset", "Loading", "Manifest", "Build", "Audio", "Symbolic", "Files", "SoundFiles",
        ],
        swiftSettings: strict),
    .target(
        name: "Runs",
        dependencies: ["Dataset", "Loading", "Manifest", "Storage", "Files"],
        swiftSettings: strict),
    // Layer 4
    .target(
        name: "Dataset",
        dependencies: [
            "Loading", "Manifest", "Build", "Describing", "Listing", "Audio", "Storage", "Symbolic",
            "Files", "SoundFiles", "Tensors",
        ],
        swiftSettings: strict),
    .target(
        name: "Setup",
        dependencies: [
            "Loading", "Manifest", "Build", "Listing", "Audio", "Storage", "Symbolic", "Files",
            "SoundFiles",
        ],
        swiftSettings: strict),
    // Layer 3
    .target(
        name: "Console",
        dependencies: [
            "Remotes", "Storage", "Files",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
    .target(
        name: "Loading",
        dependencies: ["Build", "Storage", "Symbolic", "Files", "Tensors"],
        swiftSettings: strict),
    .target(
        name: "Manifest",
        dependencies: [
            "Listing", "Audio", "Storage", "Symbolic", "Files", .product(name: "Yams", package: "Yams"),
        ],
        swiftSettings: strict),
    // Layer 2
    .target(name: "Build", dependencies: ["Storage", "Files"], swiftSettings: strict),
    .target(
        name: "Describing",
        dependencies: ["Audio", "Storage", "Symbolic", "Files", "Tensors"],
        swiftSettings: strict),
    .target(name: "Listing", dependencies: ["Storage", "Files"], swiftSettings: strict),
    .target(
        name: "Remotes",
        dependencies: ["Storage", "Files", "CCurl", .product(name: "Crypto", package: "swift-crypto")],
        swiftSettings: strict),
    // Layer 1
    .target(
        name: "Audio",
        dependencies: ["SoundFiles", "CFFTW", "CMpg123", "CSamplerate", "CSndfile", "CSoxr"],
        swiftSettings: strict),
    .target(name: "Pictures", dependencies: ["Files", "CPNG"], swiftSettings: strict),
    .target(
        name: "Storage",
        dependencies: ["Files", .product(name: "GRDB", package: "GRDB.swift")],
        swiftSettings: strict),
    .target(name: "Symbolic", dependencies: ["Tensors"], swiftSettings: strict),
    // Layer 0
    .target(
        name: "Files",
        dependencies: [.product(name: "Crypto", package: "swift-crypto")],
        swiftSettings: strict),
    .target(name: "SoundFiles", dependencies: ["CMpg123", "CSndfile"], swiftSettings: strict),
    .target(name: "Statistics", swiftSettings: strict),
    .target(name: "Tensors", swiftSettings: strict),
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
            "Dataset", "Manifest", "Listing", "Describing", "Symbolic", "Build", "Storage", "Files",
            "SoundFiles", "Tensors", "CSndfile", "CMpg123", "CSamplerate", "CSoxr", "CFFTW", "CAllocations",
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
    .target(
        name: "TestSupport", dependencies: ["Tensors"], path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(name: "FilesTests", dependencies: ["TestSupport", "Files"], swiftSettings: strict),
    .testTarget(
        name: "StatisticsTests",
        dependencies: ["TestSupport", "Statistics", "Tensors"],
        swiftSettings: strict),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"], swiftSettings: strict),
    .testTarget(name: "BuildTests", dependencies: ["Build", "Storage", "Files"], swiftSettings: strict),
    .testTarget(
        name: "RemotesTests",
        dependencies: ["TestSupport", "Remotes", "Storage", "Files"],
        swiftSettings: strict),
    .testTarget(
        name: "AudioTests",
        dependencies: ["TestSupport", "Audio", "SoundFiles", "Tensors", "CEBUR128"],
        swiftSettings: strict),
    .testTarget(
        name: "SymbolicTests",
        dependencies: ["TestSupport", "Symbolic", "Tensors"],
        swiftSettings: strict),
    .testTarget(
        name: "ManifestTests",
        dependencies: ["TestSupport", "Manifest", "Listing", "Audio", "Symbolic", "Files"],
        swiftSettings: strict),
    .testTarget(
        name: "DatasetTests",
        dependencies: [
            "TestSupport", "Export", "Dataset", "Loading", "Manifest", "Build", "Describing", "Listing",
            "Audio", "Storage", "Symbolic", "Files", "Tensors",
        ],
        swiftSettings: strict),
    .testTarget(
        name: "PreparationTests",
        dependencies: [
            "TestSupport", "Preparation", "Dataset", "Loading", "Audio", "Files", "SoundFiles", "Tensors",
        ],
        swiftSettings: strict),
    .testTarget(
        name: "InsightTests",
        dependencies: [
            "TestSupport", "Insight", "Runs", "Dataset", "Loading", "Describing", "Pictures", "Storage",
            "Symbolic", "Files", "Tensors", "CPNG",
        ],
        swiftSettings: strict),
    .testTarget(
        name: "SetupTests",
        dependencies: ["TestSupport", "Dataset", "Setup", "Loading", "Manifest", "Build", "Files"],
        swiftSettings: strict),
    .testTarget(
        name: "ExplorerTests",
        dependencies: [
            "TestSupport", "Explorer", "Insight", "Export", "Dataset", "Loading", "Build", "Pictures",
            "Symbolic", "Files", "SoundFiles",
        ],
        swiftSettings: strict),
    .testTarget(
        name: "ConsoleTests",
        dependencies: [
            "Console", "Storage", "Files",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
    .testTarget(name: "ArchitectureTests", swiftSettings: strict),
    .testTarget(
        name: "EndToEndTests",
        dependencies: ["TestSupport", "reprise", "reprise-serve"],
        swiftSettings: strict),
]

/// The folder of libtorch (`include`, `lib`); without it the trainer is left out. Only the variable is asked, since a
/// look at the disk would be remembered with the manifest.
if let libtorch = Context.environment["LIBTORCH"], !libtorch.isEmpty {
    targets += [
        // Layer 7
        .executableTarget(
            name: "reprise-train",
            dependencies: [
                "Insight", "Judging", "Systems", "Runs", "Dataset", "Training", "Console", "Loading",
                "Build", "Listing", "Storage", "Torch", "Files", "SoundFiles", "Statistics",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // Layer 6
        .target(
            name: "Judging",
            dependencies: [
                "Pretrained", "Dataset", "Loading", "Manifest", "Build", "Audio", "Symbolic", "Torch",
                "Files", "Statistics", "Tensors",
            ],
            swiftSettings: strict),
        .target(
            name: "Systems",
            dependencies: [
                "Preparation", "Pretrained", "Training", "Loading", "Storage", "Symbolic", "Torch",
                "Files", "Tensors",
            ],
            swiftSettings: strict),
        // Layer 5
        .target(
            name: "Pretrained",
            dependencies: ["Training", "Torch", "Files", "Tensors"],
            swiftSettings: strict),
        // Layer 4
        .target(
            name: "Training",
            dependencies: ["Loading", "Build", "Storage", "Torch", "Files", "Tensors"],
            swiftSettings: strict),
        // Layer 1
        .target(name: "Torch", dependencies: ["Tensors", "CTorch"], swiftSettings: strict),
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
        .testTarget(
            name: "TorchTests", dependencies: ["TestSupport", "Torch", "Tensors"], swiftSettings: strict),
        .testTarget(
            name: "TrainingTests",
            dependencies: ["Dataset", "Training", "Loading", "Storage", "Torch", "Files", "Tensors"],
            swiftSettings: strict),
        .testTarget(
            name: "SystemsTests",
            dependencies: [
                "TestSupport", "Systems", "Preparation", "Dataset", "Training", "Loading", "Symbolic",
                "Torch", "Files", "Tensors",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "JudgingTests",
            dependencies: [
                "TestSupport", "Judging", "Pretrained", "Dataset", "Training", "Loading", "Audio",
                "Symbolic", "Torch", "Files", "Statistics", "Tensors",
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
