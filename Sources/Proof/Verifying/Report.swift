import Events
package import JSON

/// What came of a verification.
package struct Report: Sendable, Hashable {
    package var findings: [Finding]
    package var manifest: PackageManifest?
    /// The checkpoint of the package, as far as its signature is that of a trusted key.
    package var checkpoint: Checkpoint?
    /// The keys that trust came to, the given one first.
    package var keys: [VerifierKey]
    /// Whether the trust is the caller's: a key was given. Otherwise everything hangs on comparing fingerprints.
    package var keyWasGiven: Bool
    /// Every file is as the signed manifest says: what was found was so before the export.
    package var isAsExported: Bool
    package var events: Int64

    package var isClean: Bool { findings.isEmpty }

    /// Of `docket audit verify`: 0 nothing found, 2 something found. (1, unreadable, is an error and no report.)
    package var exitCode: Int32 { isClean ? 0 : 2 }

    package var json: JSONValue {
        [
            "ok": .bool(isClean), "as_exported": .bool(isAsExported), "key_was_given": .bool(keyWasGiven),
            "events": .integer(events), "origin": checkpoint.map { .string($0.origin) } ?? .null,
            "tree_size": checkpoint.map { .integer($0.size) } ?? .null,
            "root": checkpoint.map { .string($0.root.base64) } ?? .null,
            "keys": .array(keys.map { .string($0.text) }), "findings": .array(findings.map(\.json)),
        ]
    }
}
