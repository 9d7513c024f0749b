using System.ComponentModel;
using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Boot.Tests;

/// <summary>The programs of ACPICA (Debian: acpica-tools), which know ACPI independently of us. A test that needs them is skipped where they are missing.</summary>
internal sealed class AcpicaTool : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hvsdk-acpi-");

    public string Write(string name, byte[] content)
    {
        string path = Path.Combine(_directory.FullName, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    public byte[] Read(string name) => File.ReadAllBytes(Path.Combine(_directory.FullName, name));

    public string ReadText(string name) => File.ReadAllText(Path.Combine(_directory.FullName, name));

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Its exit code and what it printed.</returns>
    public (int ExitCode, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = _directory.FullName,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception exception)
        {
            LiveHypervisor.SkipOrFail("iasl", $"{program} cannot be run ({exception.Message}). Install it; on Debian: apt install acpica-tools.");
            throw;
        }

        using (process)
        {
            process.StandardInput.Close();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(s_limit))
            {
                process.Kill();
                Assert.Fail($"{program} {string.Join(' ', arguments)} did not end within {s_limit}.");
            }

            process.WaitForExit();
            return (process.ExitCode, output.Result + errors.Result);
        }
    }

    /// <summary>
    /// Disassembles a table and compiles it again: no errors, warnings or remarks, and the same bytes but for the header's compiler ID and its checksum.
    /// </summary>
    /// <returns>The source.</returns>
    public string RoundTrip(string signature, byte[] table)
    {
        string name = signature.ToLowerInvariant();
        Write(name + ".dat", table);
        (int exitCode, string output) = Run("iasl", "-d", name + ".dat");
        Assert.True(exitCode == 0 && !output.Contains("error", StringComparison.OrdinalIgnoreCase) && !output.Contains("warning", StringComparison.OrdinalIgnoreCase), output);
        string source = ReadText(name + ".dsl");

        (exitCode, output) = Run("iasl", "-p", "again", name + ".dsl");
        Assert.True(exitCode == 0, output);
        Assert.Contains("Compilation successful. 0 Errors, 0 Warnings, 0 Remarks", output);
        byte[] again = Read("again.aml");
        Assert.Equal(Comparable(table), Comparable(again));
        return source;
    }

    public void Dispose() => _directory.Delete(recursive: true);

    // The checksum, and the compiler's name and version.
    private static byte[] Comparable(byte[] table)
    {
        byte[] copy = [.. table];
        copy[9] = 0;
        copy.AsSpan(28, 8).Clear();
        return copy;
    }
}
