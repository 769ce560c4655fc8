import PackagePlugin

/// Gives a target `enum SQL { static let files: [(path: String, text: String)] }`, sorted by path, one entry for each
/// of its `.sql` files. Adding a file is enough: no manifest line, no resource bundle.
@main
struct EmbedSQLPlugin: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
        guard let module = target as? any SourceModuleTarget else { return [] }
        let inputs = module.sourceFiles(withSuffix: "sql").map(\.url).sorted { $0.path < $1.path }
        let output = context.pluginWorkDirectoryURL.appending(path: "SQL.swift")
        return [
            .buildCommand(
                displayName: "Embedding \(inputs.count) SQL files in \(target.name)",
                executable: try context.tool(named: "embed-sql").url,
                arguments: [output.path, module.directoryURL.path] + inputs.map(\.path),
                inputFiles: inputs,
                outputFiles: [output]
            )
        ]
    }
}
