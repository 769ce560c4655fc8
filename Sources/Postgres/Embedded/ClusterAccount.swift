import Glibc

/// The user of the operating system that runs PostgreSQL, which refuses to run as root. Its name is also the name of the
/// cluster's superuser.
struct ClusterAccount: Sendable {
    let name: String
    let userID: uid_t
    let groupID: gid_t
    /// Whether this process must become that user to run a program, and give it its files.
    let isOther: Bool

    static func current() throws(PostgresError) -> ClusterAccount {
        let own = geteuid()
        if own != 0 {
            guard let entry = getpwuid(own) else {
                throw PostgresError(.embeddedCluster, "the user \(own) has no name in the system's user database")
            }
            return ClusterAccount(
                name: String(cString: entry.pointee.pw_name), userID: own, groupID: getegid(), isOther: false)
        }
        guard let entry = getpwnam("postgres") else {
            throw PostgresError(
                .embeddedCluster,
                "PostgreSQL does not run as root, and there is no user `postgres` to run it: start as another user, or "
                    + "install the package postgresql, which makes that user")
        }
        return ClusterAccount(
            name: "postgres", userID: entry.pointee.pw_uid, groupID: entry.pointee.pw_gid, isOther: true)
    }
}
