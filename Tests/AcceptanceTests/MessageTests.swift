import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("What an operator is told when something cannot be", .timeLimit(.minutes(30)))
struct MessageTests {
    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = URL(fileURLWithPath: "/tmp/docket-message-\(UUID().uuidString.prefix(8).lowercased())")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    /// A command that is refused before anything is made, with the status and a part of the message.
    static let refusals: [(arguments: [String], status: Int32, message: String)] = [
        (["serve", "--listen", "192.0.2.1:8080"], 1, "192.0.2.1 is not an address of this machine"),
        (["serve", "--listen", "nobody.invalid:8080"], 1, "the host 'nobody.invalid' is not known here"),
        (["serve", "--listen", "8080"], 64, "--listen is ADDRESS:PORT"),
        (["serve", "--listen", "127.0.0.1:0", "--roles", ""], 64, "--roles names no part"),
        (["serve", "--listen", "127.0.0.1:0", "--roles", " , "], 64, "--roles names no part"),
        (["serve", "--listen", "127.0.0.1:0", "--roles", "api,reader"], 64, "there is no part 'reader'"),
        (
            ["serve", "--listen", "127.0.0.1:0", "--secrets-dir", "/nowhere/secrets"], 1,
            "--secrets-dir: there is no directory /nowhere/secrets"
        ),
        (
            ["serve", "--listen", "127.0.0.1:0", "--secrets-dir", "/dev/null"], 1,
            "--secrets-dir: /dev/null is not a directory"
        ),
        (["demo", "--listen", "127.0.0.1:0", "--lab-listen", "192.0.2.1:1"], 1, "with --lab-listen"),
    ]

    @Test("it is said in one plain sentence, and nothing is made", arguments: refusals.indices)
    func refused(index: Int) async throws {
        let (arguments, status, message) = Self.refusals[index]
        try await withFolder { folder in
            let data = folder.path + "/data"
            let output = try await Program.run(arguments + ["--data-dir", data])
            #expect(output.status == status, "\(output.errors)")
            #expect(output.errors.contains(message), "\(output.errors)")
            #expect(!FileManager.default.fileExists(atPath: data))
        }
    }

    @Test("an address that somebody listens on is named, by serve and by demo", arguments: ["serve", "demo"])
    func busy(command: String) async throws {
        try await withFolder { folder in
            let port = try FreePort.find()
            let lab = try await RunningProgram(["lab", "--listen", "127.0.0.1:\(port)"], in: folder)
            let output = try await Program.run(
                [command, "--listen", "127.0.0.1:\(port)", "--data-dir", folder.path + "/data"])
            #expect(output.status == 1)
            #expect(
                output.errors.contains(
                    "127.0.0.1:\(port) is in use by another program: stop it, or choose another with --listen"),
                "\(output.errors)")
            #expect(try await lab.stop() == 0)
        }
    }

    @Test(
        "a data directory that PostgreSQL's user cannot reach is named, with the folder that keeps it out",
        .enabled(if: geteuid() == 0, "only as root is PostgreSQL's user another one"))
    func unreachable() async throws {
        try await withFolder { folder in
            let closed = folder.path + "/closed"
            try FileManager.default.createDirectory(
                atPath: closed, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let output = try await Program.run(["serve", "--listen", "127.0.0.1:0", "--data-dir", closed + "/data"])
            #expect(output.status == 1)
            #expect(output.errors.contains("\(closed) is closed to the user postgres"), "\(output.errors)")
            #expect(output.errors.contains("chmod"), "\(output.errors)")
        }
    }

    @Test("neither code names nor places in the sources are in a message")
    func plain() async throws {
        try await withFolder { folder in
            let data = folder.path + "/data"
            let commands: [([String], String)] = [
                (["migrate", "--database-url", "rubbish"], "the connection string cannot be read"),
                (["audit", "verify", folder.path + "/none"], "manifest.json cannot be read"),
                (["tenant", "create", "Acme Corp", "--data-dir", data], "/name: begins with a letter"),
                (["serve", "--listen", "127.0.0.1:0", "--data-dir", "/proc/none"], "cannot make /proc/none"),
            ]
            for (arguments, message) in commands {
                let output = try await Program.run(arguments)
                #expect(output.status == 1)
                #expect(output.errors.contains(message), "\(output.errors)")
                for sign in [".swift:", "Error Domain", "FieldError", "connectionFailed", "files:"] {
                    #expect(!output.errors.contains(sign), "\(output.errors)")
                }
            }
        }
    }

    @Test("migrate tells what it did")
    func migrate() async throws {
        try await withFolder { folder in
            let data = folder.path + "/data"
            let first = try await Program.run(["migrate", "--data-dir", data])
            #expect(first.status == 0, "\(first.errors)")
            #expect(first.output.contains("applied 1 roles"), "\(first.output)")
            let second = try await Program.run(["migrate", "--data-dir", data])
            #expect(second.output.contains("The schema is up to date: nothing was missing."), "\(second.output)")
        }
    }
}
