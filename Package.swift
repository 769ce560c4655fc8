// swift-tools-version: 6.2
import PackageDescription

// Who may depend on whom (Documentation/Architecture.md tells why):
//
//   CPostgres ◄ Postgres ◄ Schema ◄ EventLog ◄──┬─ Projections ◄─┐
//   JSON ◄ Events ◄─┬─ Runs ◄─ Cases ◄──────────┤                ├─ Server ◄─ docket
//                   ├─ Intake ◄─────────────────┼─ Reactors ◄────┤
//             Runs ◄┼─ Response ◄───────────────┘                │
//                   └─ Lab ◄─────────────────────────────────────┘
//   CPCRE2 ◄ Expressions, JSON ◄ Detection (Sigma) ◄─ docket
//   Cases ◄ Pages (what a browser shows) ◄─ Server
//   Content (data that ships)

/// One list of compiler settings for the whole house.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
]

/// Every target but the C boundary promises memory safety, so unsafe code has one address.
let safeSettings: [SwiftSetting] = settings + [.strictMemorySafety()]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTesting: Target.Dependency = .product(name: "HummingbirdTesting", package: "hummingbird")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "docket",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        // The C boundary and the build tool
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Gzip", dependencies: ["CZlib"], swiftSettings: settings),
        .systemLibrary(
            name: "CPCRE2", path: "Sources/CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .target(name: "Expressions", dependencies: ["CPCRE2"], swiftSettings: settings),
        .systemLibrary(
            name: "CPostgres", path: "Sources/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .executableTarget(name: "embed-files", swiftSettings: safeSettings),
        .plugin(
            name: "EmbedFiles", capability: .buildTool(), dependencies: ["embed-files"], path: "Sources/EmbedFiles"),

        // Pure rooms: no database, no network
        .target(name: "JSON", swiftSettings: safeSettings),
        .target(name: "Events", dependencies: ["JSON", crypto], swiftSettings: safeSettings),
        .target(name: "Runs", dependencies: ["Events", "JSON"], swiftSettings: safeSettings),
        .target(name: "Cases", dependencies: ["Events", "JSON", "Runs"], swiftSettings: safeSettings),
        .target(name: "Detection", dependencies: ["Expressions", "JSON", yams], swiftSettings: safeSettings),
        .target(name: "Intake", dependencies: ["Events", "JSON"], swiftSettings: safeSettings),
        .target(name: "Proof", dependencies: ["Events", "JSON", crypto], swiftSettings: safeSettings),
        .target(
            name: "Content", path: "Content", exclude: ["README.md", "Playbooks/README.md"],
            swiftSettings: safeSettings, plugins: ["EmbedFiles"]),

        // The log
        .target(
            name: "Postgres", dependencies: ["CPostgres", lifecycle, subprocess, system], swiftSettings: settings),
        .target(
            name: "Schema", dependencies: ["Postgres", crypto], path: "Schema", exclude: ["README.md"],
            swiftSettings: safeSettings, plugins: ["EmbedFiles"]),
        .target(
            name: "EventLog", dependencies: ["Postgres", "Schema", "JSON", "Events", crypto],
            swiftSettings: safeSettings),

        .target(
            name: "Sealing",
            dependencies: ["EventLog", "Events", "JSON", "Postgres", "Proof", lifecycle, logging],
            swiftSettings: safeSettings),

        // The stages, and what they act on
        .target(
            name: "Response", dependencies: ["JSON", "Events", "Runs", httpClient, nioCore, nioPosix, nioHTTP1],
            swiftSettings: safeSettings),
        .target(
            name: "Lab",
            dependencies: ["JSON", "Events", hummingbird, httpTypes, lifecycle, signals, logging, nioCore],
            swiftSettings: safeSettings),
        .target(
            name: "Reactors",
            dependencies: [
                "Cases", "Detection", "EventLog", "Events", "Intake", "JSON", "Response", "Runs", lifecycle, logging,
            ],
            swiftSettings: safeSettings),

        .target(
            name: "Projections",
            dependencies: ["Cases", "EventLog", "Events", "JSON", "Postgres", "Runs", crypto, lifecycle, logging],
            path: "Projections", swiftSettings: safeSettings, plugins: ["EmbedFiles"]),

        // The outside
        .target(
            name: "Pages", dependencies: ["Cases", "Events", "JSON", "Runs", mustache], swiftSettings: safeSettings,
            plugins: ["EmbedFiles"]),
        .target(
            name: "Server",
            dependencies: [
                "Cases", "Detection", "EventLog", "Events", "Gzip", "Intake", "JSON", "Pages", "Postgres",
                "Projections", "Proof",
                "Reactors", "Response", "Runs", "Sealing", crypto, hummingbird, httpTypes, lifecycle, logging, nioCore,
            ], swiftSettings: safeSettings),
        .executableTarget(
            name: "docket",
            dependencies: [
                "Cases", "Content", "Detection", "EventLog", "Events", "Gzip", "Intake", "JSON", "Lab", "Postgres",
                "Projections", "Proof", "Reactors", "Response", "Runs", "Schema", "Sealing", "Server", arguments,
                crypto,
                httpClient, lifecycle, signals, logging,
                nioCore,
                nioHTTP1,
                system,
            ], swiftSettings: settings),
        .executableTarget(
            name: "docket-bench",
            dependencies: [
                "Cases", "Content", "EventLog", "Events", "Intake", "JSON", "Postgres", "Projections", "Proof",
                "Reactors", "Runs", "SOCDay", "Schema", "Sealing", lifecycle, logging,
            ],
            path: "Benchmarks",
            exclude: ["Detection", "README.md", "RESULTS.md"], swiftSettings: settings),
        .executableTarget(
            name: "docket-bench-detect", dependencies: ["Detection", "Gzip", "JSON"], path: "Benchmarks/Detection",
            swiftSettings: settings),
        .executableTarget(
            name: "docket-fuzz", dependencies: ["Detection", "Expressions", "JSON", "SeededChance"], path: "Fuzzing",
            exclude: ["README.md"], swiftSettings: settings),

        // Tests
        .target(
            name: "TestSupport", dependencies: ["Postgres", "Schema"], path: "Tests/TestSupport",
            swiftSettings: settings),
        .target(name: "SeededChance", path: "Tests/SeededChance", swiftSettings: safeSettings),
        .target(
            name: "SOCDay",
            dependencies: [
                "Cases", "Content", "EventLog", "Events", "Intake", "JSON", "Postgres", "Projections", "Reactors",
                "Response", "SeededChance", lifecycle, logging,
            ], path: "Tests/SOCDay", swiftSettings: safeSettings),
        .testTarget(name: "JSONTests", dependencies: ["SeededChance", "JSON"], swiftSettings: settings),
        .testTarget(name: "EventsTests", dependencies: ["Events"], swiftSettings: settings),
        .testTarget(
            name: "CasesTests", dependencies: ["SeededChance", "Cases", "Content", "Events", "JSON", "Runs"],
            exclude: ["Golden"],
            swiftSettings: settings),
        .testTarget(
            name: "DetectionTests", dependencies: ["SeededChance", "Detection", "Expressions", "Gzip", "JSON"],
            swiftSettings: settings),
        .testTarget(
            name: "ProofTests", dependencies: ["SeededChance", "Proof", "Events", "JSON", crypto], exclude: ["Vectors"],
            swiftSettings: settings),
        .testTarget(
            name: "SealingTests",
            dependencies: ["EventLog", "Events", "JSON", "Postgres", "Proof", "Sealing", "TestSupport"],
            swiftSettings: settings),
        .testTarget(name: "ExpressionsTests", dependencies: ["Expressions"], swiftSettings: settings),
        .testTarget(name: "GzipTests", dependencies: ["Gzip"], swiftSettings: settings),
        .testTarget(
            name: "PagesTests", dependencies: ["Cases", "Events", "JSON", "Pages", "Runs"], swiftSettings: settings),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Cases", "Content", "EventLog", "Events", "Gzip", "Intake", "JSON", "Pages", "Postgres", "Projections",
                "Proof",
                "Reactors",
                "Response", "Runs", "Sealing", "Server", "TestSupport", hummingbird, hummingbirdTesting, httpTypes,
                lifecycle,
                logging,
                nioCore,
            ], swiftSettings: settings),
        .testTarget(
            name: "IntakeTests", dependencies: ["SeededChance", "Intake", "Events", "JSON"], exclude: ["Golden"],
            swiftSettings: settings),
        .testTarget(
            name: "AcceptanceTests",
            dependencies: ["docket", "Content", "Gzip", "JSON", "TestSupport", httpClient, nioCore, nioHTTP1],
            swiftSettings: settings),
        .testTarget(
            name: "ReactorsTests",
            dependencies: [
                "SeededChance", "SOCDay", "Cases", "Content", "Detection", "EventLog", "Events", "Intake", "JSON",
                "Lab",
                "Postgres",
                "Projections", "Proof", "Reactors", "Response", "Runs", "TestSupport", lifecycle, logging,
            ], swiftSettings: settings),
        .testTarget(name: "SchemaTests", dependencies: ["Schema", "Postgres", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "EventLogTests",
            dependencies: ["SeededChance", "EventLog", "Events", "JSON", "Postgres", "TestSupport", crypto],
            exclude: ["Vectors/leaf.py", "Vectors/leaf.sql", "Vectors/leaf.json"], swiftSettings: settings),
        .testTarget(
            name: "ProjectionsTests",
            dependencies: [
                "Cases", "EventLog", "Events", "JSON", "Postgres", "Projections", "Runs", "Schema", "TestSupport",
                logging,
                lifecycle,
            ], swiftSettings: settings),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "LabTests",
            dependencies: ["Lab", "JSON", "Events", httpClient, nioCore, nioHTTP1, lifecycle, logging],
            swiftSettings: settings),
        .testTarget(
            name: "ResponseTests",
            dependencies: [
                "SeededChance", "Cases", "Content", "Response", "Runs", "Lab", "JSON", "Events", lifecycle, logging,
                nioCore,
                nioPosix,
            ],
            swiftSettings: settings),
    ]
)
