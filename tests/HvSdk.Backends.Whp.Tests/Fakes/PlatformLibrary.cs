using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Backends.Whp.Tests.Fakes;

/// <summary>A library of a few lines of C, compiled by gcc and loaded by the backend as it loads Windows' own.</summary>
internal sealed class PlatformLibrary : IDisposable
{
    /// <summary>All functions that the backend requires; each but WHvGetCapability gives what the variable says.</summary>
    internal const string WithRequiredExports = """
        typedef int HRESULT;
        static HRESULT result = RESULT;
        HRESULT WHvGetCapability(unsigned code, void *buffer, unsigned size, unsigned *written)
        {
            if (CAPABILITY_RESULT != 0) { return CAPABILITY_RESULT; }
            for (unsigned i = 0; i < size; i++) { ((unsigned char *)buffer)[i] = 0; }
            if (code == 0) { *(unsigned *)buffer = PRESENT; }
            if (written) { *written = size; }
            return 0;
        }
        #define FUNCTION(name) HRESULT name(void) { return result; }
        FUNCTION(WHvCreatePartition) FUNCTION(WHvSetupPartition) FUNCTION(WHvDeletePartition) FUNCTION(WHvSetPartitionProperty)
        FUNCTION(WHvMapGpaRange) FUNCTION(WHvUnmapGpaRange) FUNCTION(WHvCreateVirtualProcessor) FUNCTION(WHvDeleteVirtualProcessor)
        FUNCTION(WHvRunVirtualProcessor) FUNCTION(WHvCancelRunVirtualProcessor)
        FUNCTION(WHvGetVirtualProcessorRegisters) FUNCTION(WHvSetVirtualProcessorRegisters)
        """;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly string _directory = Directory.CreateTempSubdirectory("hvsdk-whp-").FullName;

    private PlatformLibrary() => Path = System.IO.Path.Combine(_directory, "WinHvPlatform.so");

    internal string Path { get; }

    /// <summary>Compiles a library, or skips the test where there is no gcc (tier "gcc").</summary>
    internal static async Task<PlatformLibrary> CompileAsync(string source, params string[] definitions)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The library is one of Linux.");
        var library = new PlatformLibrary();
        try
        {
            string file = System.IO.Path.Combine(library._directory, "platform.c");
            await File.WriteAllTextAsync(file, source, TestContext.Current.CancellationToken);
            CommandResult result = await Command.RunAsync(
                new ProcessStartInfo("gcc", ["-shared", "-fPIC", .. definitions.Select(static definition => "-D" + definition), "-o", library.Path, file]), s_limit);
            Assert.True(result.ExitCode == 0, result.ToString());
            return library;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            library.Dispose();
            LiveHypervisor.SkipOrFail("gcc", $"gcc cannot be started: {e.Message}.");
            throw;
        }
        catch
        {
            library.Dispose();
            throw;
        }
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
