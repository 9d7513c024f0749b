using System.Diagnostics;

namespace HvSdk.Live;

/// <summary>Runs a program, the dotnet command above all, with a limit, and keeps what it said.</summary>
public static class DotnetCommand
{
    /// <summary>The longest of them restores, builds and links: half a minute on two cores with nothing else to do, and ten times that on crowded ones.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(15);

    /// <summary>Runs the dotnet command that runs this test.</summary>
    /// <param name="folder">The folder that it runs in.</param>
    /// <param name="variables">Variables of its environment.</param>
    /// <param name="arguments">Its arguments.</param>
    public static Task<CommandResult> RunAsync(string folder, IReadOnlyDictionary<string, string> variables, params string[] arguments) =>
        RunProgramAsync(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", folder, variables, arguments);

    /// <summary>Runs a program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="folder">The folder that it runs in.</param>
    /// <param name="variables">Variables of its environment.</param>
    /// <param name="arguments">Its arguments.</param>
    public static Task<CommandResult> RunProgramAsync(
        string program, string folder, IReadOnlyDictionary<string, string> variables, params string[] arguments)
    {
        ArgumentNullException.ThrowIfNull(variables);
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder };
        foreach (string name in start.Environment.Keys.Where(IsOfOuterBuild).ToArray())
        {
            start.Environment.Remove(name);
        }

        // Nothing may stay behind: neither build nodes nor a compiler server.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }

        return Command.RunAsync(start, s_limit);
    }

    // The test may run under 'dotnet test', whose own settings must not reach another build.
    private static bool IsOfOuterBuild(string name) =>
        name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name.StartsWith("TESTINGPLATFORM", StringComparison.OrdinalIgnoreCase)
        || name is "VSTEST_CONNECTION_TIMEOUT" or "DOTNET_CLI_TEST_COMMAND_WORKING_DIRECTORY";
}
