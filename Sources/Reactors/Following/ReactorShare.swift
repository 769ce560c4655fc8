import Events
import Synchronization

import struct Foundation.UUID

/// Which tenants this process leads: each tenant goes to one of the processes that are there, by a hash of both names
/// (rendezvous hashing), so when one comes or goes only its own share moves.
package final class ReactorShare: Sendable {
    private let owner: String
    private let owners: Mutex<[String]>

    /// - Parameter owners: the processes that are there; none of the tenants is led before this one is among them.
    package init(owner: String, owners: [String] = []) {
        self.owner = owner
        self.owners = Mutex(owners)
    }

    /// - Returns: whether they have changed.
    func update(_ found: [String]) -> Bool {
        owners.withLock { owners in
            defer { owners = found }
            return owners != found
        }
    }

    /// How many processes there are.
    var ownerCount: Int { owners.withLock { $0.count } }

    func isMine(_ tenant: UUID) -> Bool {
        owners.withLock { owners in
            guard owners.count > 1 else { return owners.first == owner }
            let chosen = owners.max { Self.rank($0, tenant) < Self.rank($1, tenant) }
            return chosen == owner
        }
    }

    /// FNV-1a over the owner and the tenant, then mixed, so that near names are far apart; the name decides between equals.
    private static func rank(_ owner: String, _ tenant: UUID) -> (UInt64, String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in owner.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in tenant.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        return (hash ^ (hash >> 33), owner)
    }
}
