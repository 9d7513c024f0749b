using System.Diagnostics;
using System.Globalization;
using System.Text;
using HvSdk.Live;

namespace HvSdk.Backends.Kvm.Tests.Abi;

/// <summary>A C program that prints what the installed headers say, compiled and run by the test.</summary>
internal static class CProgram
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    /// <summary>What the facts are about.</summary>
    internal const string Headers = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <poll.h>
        #include <signal.h>
        #include <stddef.h>
        #include <stdio.h>
        #include <sys/eventfd.h>
        #include <sys/ioctl.h>
        #include <sys/mman.h>
        #include <linux/kvm.h>
        #include <linux/memfd.h>
        #include <linux/mman.h>
        #include <linux/version.h>


        """;

    private const string Prologue = $$"""
        {{Headers}}
        #define FACT(i, e) printf("%d %llu\n", i, (unsigned long long)(e))
        int main(void)
        {

        """;

    /// <summary>Asks the headers for each fact.</summary>
    /// <returns>The header's values; null where it does not know the fact.</returns>
    internal static IReadOnlyList<ulong?> Ask(IReadOnlyList<AbiFact> facts)
    {
        if (!File.Exists("/usr/include/linux/kvm.h"))
        {
            LiveHypervisor.SkipOrFail("gcc", "The kernel headers are not installed (Debian: linux-libc-dev).");
        }

        string directory = Directory.CreateTempSubdirectory("hvsdk-abi-").FullName;
        try
        {
            string source = Path.Combine(directory, "abi.c");
            string program = Path.Combine(directory, "abi");
            File.WriteAllText(source, Write(facts));
            Run("gcc", "-Wall", "-Werror", "-o", program, source);
            ulong?[] values = new ulong?[facts.Count];
            foreach (string line in Run(program).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                string[] parts = line.Split(' ');
                values[int.Parse(parts[0], CultureInfo.InvariantCulture)] = ulong.Parse(parts[1], CultureInfo.InvariantCulture);
            }

            return values;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string Write(IReadOnlyList<AbiFact> facts)
    {
        var source = new StringBuilder(Prologue);
        for (int i = 0; i < facts.Count; i++)
        {
            string line = $"    FACT({i}, {facts[i].Expression});\n";
            source.Append(facts[i].Guard is { } guard ? $"#ifdef {guard}\n{line}#endif\n" : line);
        }

        return source.Append("    return 0;\n}\n").ToString();
    }

    /// <summary>Runs a program to its end, which must be a good one.</summary>
    internal static string Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(s_limit))
            {
                process.Kill();
                Assert.Fail($"{program} was still running after {s_limit}.");
            }

            Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}:\n{errors.Result}");
            return output.Result;
        }
        catch (System.ComponentModel.Win32Exception e) when (program.EndsWith("gcc", StringComparison.Ordinal))
        {
            LiveHypervisor.SkipOrFail("gcc", $"{program} cannot be started: {e.Message}.");
            throw;
        }
    }
}
