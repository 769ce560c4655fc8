// swift-tools-version: 6.2
import PackageDescription

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

let package = Package(
    name: "docket",
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        .target(name: "JSON", swiftSettings: safeSettings),
        .target(
            name: "Events",
            dependencies: ["JSON", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: safeSettings
        ),
        .target(name: "Cases", dependencies: ["Events", "JSON"], swiftSettings: safeSettings),
        .testTarget(name: "CasesTests", dependencies: ["Cases"], swiftSettings: settings),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: settings),
        .testTarget(name: "EventsTests", dependencies: ["Events"], swiftSettings: settings),
    ]
)
