using System.Diagnostics;
using HvSdk.Live;
using HvSdk.Live.Transcripts;

namespace HvSdk.FieldKit;

/// <summary>Runs tests of the suite in a process of its own: one that hangs or breaks down takes its behaviour along, and no more.</summary>
/// <param name="Backend">The backend, as HVSDK_BACKEND names it.</param>
/// <param name="Limit">How long the process may take.</param>
internal sealed record SuiteProcess(string Backend, TimeSpan Limit)
{
    private static readonly string s_program = Path.Combine(AppContext.BaseDirectory, Behaviour.Suite + (OperatingSystem.IsWindows() ? ".exe" : ""));

    /// <summary>Runs tests.</summary>
    /// <param name="testClass">Their class.</param>
    /// <param name="methods">The methods.</param>
    /// <param name="results">What they gave; null where the process left no report.</param>
    /// <returns>How the process ended: a word for what went wrong, or null.</returns>
    public TestOutcome? Run(string testClass, IEnumerable<string> methods, out IReadOnlyList<TestEntry>? results)
    {
        string folder = Directory.CreateTempSubdirectory("hvsdk-kit-").FullName;
        try
        {
            string report = Path.Combine(folder, "report.xml");
            string arguments = Path.Combine(folder, "arguments.txt");
            File.WriteAllLines(arguments, [
                "-noLogo", "-noColor", "-noAutoReporters", "-parallel", "none", "-xml", report,
                .. methods.SelectMany(method => new[] { "-method", $"{Behaviour.Suite}.{testClass}.{method}" }),
            ]);
            TestOutcome? end = Run(arguments);
            results = end is null && File.Exists(report) ? TestReport.Read(report, testClass) : null;
            return results is null ? end ?? TestOutcome.Crashed : null;
        }
        finally
        {
            Remove(folder);
        }
    }

    private TestOutcome? Run(string arguments)
    {
        // "@@" chooses xunit's own runner, and gives it its arguments in a file. Its report tells all; what it says besides goes nowhere.
        var start = new ProcessStartInfo(s_program, ["@@", arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["HVSDK_BACKEND"] = Backend;
        start.Environment["HVSDK_REQUIRE"] = Backend;
        using Process process = Process.Start(start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (process.WaitForExit(Limit))
        {
            return null;
        }

        process.Kill(entireProcessTree: true);
        process.WaitForExit(HvSdk.Live.Limit.Value);
        return TestOutcome.Hung;
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A process that was ended may hold its file a little longer. It lies among the system's temporary files.
        }
    }
}
