/// What one alert may hold. Lengths in characters (Unicode scalars), sizes in bytes.
enum IntakeLimits {
    static let itemBytes = 1 << 20
    static let source = 200
    static let sourceRef = 500
    static let title = 1_000
    static let pattern = 200
    static let description = 65_536
    static let sourceURL = 2_000
    static let ruleText = 500
    static let region = 100
    static let entityValue = 4_096
    static let entities = 1_000
    /// Bytes of all entities' values together: they stand in events, which are bounded.
    static let entityBytes = 64 << 10
    static let evidence = 200
    static let attackTechniques = 200
    /// Members under `unmapped`, as many as JSON may hold in one object.
    static let unmapped = 10_000
    static let errors = 100
    static let warnings = 100
}
