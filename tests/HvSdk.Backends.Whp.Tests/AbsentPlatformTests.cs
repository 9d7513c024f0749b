using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Real files in place of the platform's library: none, something else, and libraries that refuse. What is said of each, word for word.</summary>
public sealed class AbsentPlatformTests
{
    private const string NameALibrary = "Name a library that holds the platform's functions.";

    private static BackendProbe Probe(string path) => new WhpBackend(new WhpBackendOptions { LibraryPath = path }).Probe();

    [Fact]
    public void Library_ThatIsNotThere_IsSaidInTheLoadersWords()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The words are those of Linux.");
        BackendProbe probe = Probe("/there/is/no/WinHvPlatform.so");

        Assert.Equal(
            "/there/is/no/WinHvPlatform.so cannot be loaded: cannot open shared object file: No such file or directory.", probe.Reason);
        Assert.Equal(NameALibrary, probe.Remedy);
    }

    [Fact]
    public async Task Library_ThatIsAText_IsSaidInTheLoadersWords()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The words are those of Linux.");
        string path = Path.Combine(Path.GetTempPath(), $"hvsdk-{Guid.NewGuid():N}.so");
        await File.WriteAllTextAsync(path, "This is no library, though it is longer than the header of one would be: a line of text.", TestContext.Current.CancellationToken);
        try
        {
            BackendProbe probe = Probe(path);

            Assert.Equal($"{path} cannot be loaded: invalid ELF header.", probe.Reason);
            Assert.Equal(NameALibrary, probe.Remedy);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Library_WithoutTheFunctions_NamesThemAll()
    {
        using PlatformLibrary library = await PlatformLibrary.CompileAsync("int WHvNothing(void) { return 0; }");
        BackendProbe probe = Probe(library.Path);

        Assert.Equal(
            $"{library.Path} lacks WHvGetCapability, WHvCreatePartition, WHvSetupPartition, WHvDeletePartition, WHvSetPartitionProperty, WHvMapGpaRange, " +
            "WHvUnmapGpaRange, WHvCreateVirtualProcessor, WHvDeleteVirtualProcessor, WHvRunVirtualProcessor, WHvCancelRunVirtualProcessor, " +
            "WHvGetVirtualProcessorRegisters, WHvSetVirtualProcessorRegisters.",
            probe.Reason);
        Assert.Equal(NameALibrary, probe.Remedy);
    }

    [Fact]
    public async Task Library_WithoutAHypervisor_SaysWhatToSwitchOn()
    {
        using PlatformLibrary library = await PlatformLibrary.CompileAsync(PlatformLibrary.WithRequiredExports, "RESULT=0", "CAPABILITY_RESULT=0", "PRESENT=0");
        BackendProbe probe = Probe(library.Path);

        Assert.Equal($"{library.Path} is there, and no hypervisor is running under Windows.", probe.Reason);
        Assert.Equal(ProbeDocumentTests.StartHypervisor, probe.Remedy);
        HypervisorUnavailableException e = Assert.Throws<HypervisorUnavailableException>(
            () => Hypervisor.Open(new WhpBackend(new WhpBackendOptions { LibraryPath = library.Path })));
        Assert.Contains(probe.Reason, e.Message, StringComparison.Ordinal);
        Assert.Contains(probe.Remedy, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CAPABILITY_RESULT=0xC0351000", "RESULT=0", "WHvGetCapability failed: ERROR_HV_NOT_PRESENT (0xC0351000): no hypervisor is running.")]
    [InlineData("CAPABILITY_RESULT=0", "RESULT=0x80070005", "WHvCreatePartition failed: E_ACCESSDENIED (0x80070005): access denied.")]
    [InlineData("CAPABILITY_RESULT=0", "RESULT=0x80004001", "WHvCreatePartition failed: E_NOTIMPL (0x80004001): this Windows does not implement it.")]
    public async Task Library_ThatRefuses_SaysWhichFunctionAndWhy(string capability, string result, string reason)
    {
        using PlatformLibrary library = await PlatformLibrary.CompileAsync(PlatformLibrary.WithRequiredExports, capability, result, "PRESENT=1");
        BackendProbe probe = Probe(library.Path);

        Assert.Equal((false, reason), (probe.IsAvailable, probe.Reason));
        Assert.NotEmpty(probe.Remedy);
    }
}
