using System.Diagnostics;
using System.Globalization;

namespace HvSdk.Benchmarks;

/// <summary>The C program that does the same as HvSdk, in a process of its own. It rests while nobody asks it for something.</summary>
internal sealed class Peer : IDisposable
{
    private static readonly string[] s_sources = ["peer.c", "machine.c", "kick.c"];

    private readonly Process _process;

    internal Peer(string path, params string[] arguments)
    {
        _process = Process.Start(new ProcessStartInfo(path, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })
            ?? throw new InvalidOperationException($"{path} did not start.");
    }

    /// <summary>Where the sources are, and compiled programs go.</summary>
    internal static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "native");

    /// <summary>Compiles the program.</summary>
    /// <param name="target">Where it goes.</param>
    internal static void Compile(string target) => Compile(target, s_sources, ["-static", "-pthread"]);

    /// <summary>Compiles a program or library of sources in <see cref="Folder"/>.</summary>
    /// <param name="target">Where it goes.</param>
    /// <param name="sources">Names of the sources.</param>
    /// <param name="flags">What gcc is told besides.</param>
    internal static void Compile(string target, string[] sources, string[] flags)
    {
        var gcc = new ProcessStartInfo("gcc") { UseShellExecute = false };
        foreach (string argument in (IEnumerable<string>)
            ["-O2", "-Wall", "-Wextra", "-Werror", "-o", target, .. sources.Select(static name => Path.Combine(Folder, name)), .. flags])
        {
            gcc.ArgumentList.Add(argument);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
        using Process process = Process.Start(gcc) ?? throw new InvalidOperationException("gcc did not start.");
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"gcc ended with {process.ExitCode}. It and libc6-dev are needed, or --native with a program compiled elsewhere.");
        }
    }

    /// <summary>Sends a command and gives the numbers of its answer.</summary>
    internal long[] Ask(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
        string answer = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The peer ended at \"{command.Split(' ')[0]}\".");
        return answer.StartsWith("error", StringComparison.Ordinal)
            ? throw new InvalidOperationException($"The peer failed at \"{command.Split(' ')[0]}\": {answer}")
            : Array.ConvertAll(answer.Split(' '), static number => long.Parse(number, CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        // The end of its input is the end of the program.
        _process.StandardInput.Close();
        if (!_process.WaitForExit(10_000))
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
