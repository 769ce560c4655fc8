import Events
import Foundation
import JSON

/// `record_integrity.json`: the export told as an OCSF 1.9 event, for systems that take evidence in that form.
///
/// Event Log Activity, Export (class 1008, type 100803) with the profile `record_integrity`: one attestation, whose
/// fingerprint is SHA-256 over the canonical JSON (RFC 8785) of the event without `fingerprint` and `signatures`. OCSF's
/// `digital_signature` has no place for an Ed25519 signature itself; the signatures are in `checkpoint` and
/// `manifest.note`, and no `signatures` are claimed here.
enum RecordIntegrity {
    static func event(_ manifest: PackageManifest, _ checkpoint: Checkpoint, at createdAt: Instant) -> JSONValue {
        let attestation: JSONValue = [
            "authority_uid": .string(manifest.keys.last?.text ?? checkpoint.origin),
            "chain_uid": .string(checkpoint.origin),
            "uid": .string("\(checkpoint.origin)#\(checkpoint.size)"),
        ]
        var event: JSONValue = [
            "activity_id": 3, "activity_name": "Export", "category_uid": 1, "category_name": "System Activity",
            "class_uid": 1008, "class_name": "Event Log Activity", "type_uid": 100_803, "severity_id": 1,
            "status_id": 1, "time": .integer(createdAt.microseconds / 1_000), "log_name": .string(checkpoint.origin),
            "log_provider": "Docket", "count": .integer(manifest.events),
            "message": "Export of events with their Merkle proofs",
            "metadata": [
                "version": "1.9.0", "profiles": ["record_integrity"], "log_name": .string(checkpoint.origin),
                "tenant_uid": .string(manifest.tenant.lowercased),
                "uid": .string("\(checkpoint.origin)#\(checkpoint.size)/\(createdAt.microseconds)"),
                "product": ["name": "Docket", "vendor_name": "Docket", "version": .string(manifest.tool)],
            ],
            "unmapped": [
                "tree_size": .integer(checkpoint.size), "root_hash": .string(checkpoint.root.base64),
                "runs": .array(manifest.runs.map { [.integer($0.lowerBound), .integer($0.upperBound)] }),
            ],
            "attestation_list": [attestation],
        ]
        let digest = TreeHash.sha256(event.canonicalBytes())
        var signed = attestation
        signed["fingerprint"] = [
            "algorithm": "SHA-256", "algorithm_id": 3, "encoding": "Hex", "encoding_id": 1, "serialization": "JCS",
            "serialization_id": 2, "value": .string(digest.hexadecimal),
        ]
        event["attestation_list"] = [signed]
        return event
    }
}
