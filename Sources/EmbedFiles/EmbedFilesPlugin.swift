import PackagePlugin

/// Gives a target `enum SQL { static let files: [(path: String, text: String)] }`, sorted by path, one entry for each
/// of its `.sql` files, and `enum Documents` likewise for its `.json` and `.yml` files. Adding a file is enough: no manifest line,
/// no resource bundle.
@main
struct EmbedFilesPlugin: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
        guard let module = target as? any SourceModuleTarget else { return [] }
        let inputs = ["sql", "json", "yml"].flatMap { module.sourceFiles(withSuffix: $0).map(\.url) }.sorted {
            $0.path < $1.path
        }
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
