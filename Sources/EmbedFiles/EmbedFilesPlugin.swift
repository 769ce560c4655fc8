import PackagePlugin

/// Gives a target `enum SQL { static let files: [(path: String, text: String)] }`, sorted by path, one entry for each
/// of its `.sql` files; likewise `enum Documents` for its `.json` and `.yml` files, `enum Templates` for its `.mustache`
/// files and `enum Assets` for its `.css`, `.js` and `.svg` files; only those it has files for. Adding a file is enough:
/// no manifest line, no resource bundle.
@main
struct EmbedFilesPlugin: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
        guard let module = target as? any SourceModuleTarget else { return [] }
        let kinds = ["sql", "json", "yml", "mustache", "css", "js", "svg"]
        let inputs = kinds.flatMap { module.sourceFiles(withSuffix: $0).map(\.url) }.sorted { $0.path < $1.path }
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedFiles.swift")
        return [
            .buildCommand(
                displayName: "Embedding \(inputs.count) files in \(target.name)",
                executable: try context.tool(named: "embed-files").url,
                arguments: [output.path, module.directoryURL.path] + inputs.map(\.path),
                inputFiles: inputs,
                outputFiles: [output]
            )
        ]
    }
}
