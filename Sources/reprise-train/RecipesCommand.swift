import ArgumentParser
import Console
import Files
import Systems
import Training

struct RecipesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipes", abstract: "List the recipes, trained and optimised.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        if common.json {
            print(JSONValue.array(Recipe.all.map(\.json)).canonical)
            return
        }
        for recipe in Recipe.all {
            let origin = recipe.paper == "none" ? "no paper" : "paper \(recipe.paper)"
            print("\(recipe.name)  (\(origin))  \(recipe.summary)")
            if case .optimised = recipe.kind { print("    optimised: 'reprise transfer' takes its name") }
            if !recipe.needs.isEmpty {
                print("    needs \(recipe.needs.map(\.summary).joined(separator: ", "))")
            }
            if !recipe.presets.isEmpty {
                print("    presets \(recipe.presets.keys.sorted().joined(separator: ", "))")
            }
            for parameter in recipe.parameters {
                let choices =
                    parameter.choices.isEmpty ? "" : " (\(parameter.choices.joined(separator: " | ")))"
                print("    \(parameter.name)=\(parameter.standard.canonical)  \(parameter.summary)\(choices)")
            }
            for parameter in recipe.transferParameters {
                print("    transfer: \(parameter.name)=\(parameter.standard.canonical)  \(parameter.summary)")
            }
        }
    }
}
