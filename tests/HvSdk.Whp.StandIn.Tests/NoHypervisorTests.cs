using System.Runtime.InteropServices;
using HvSdk.Backends.Whp;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The stand-in as it is where Windows runs without a hypervisor (R-CAP-01, R-CAP-02).</summary>
public sealed class NoHypervisorTests(StandIn standIn) : IClassFixture<StandIn>
{
    [Fact]
    public void Probe_NoHypervisor_IsUnavailableAndWorksAgainLater()
    {
        standIn.RequireKvm();
        string path = Path.Combine(StandIn.Output, "linux", "libWinHvPlatform.so");
        var backend = new WhpBackend(new WhpBackendOptions { LibraryPath = path });
        nint export = NativeLibrary.GetExport(NativeLibrary.Load(path), "HvSdkStandInSwitch");
        Set(export, 1);
        try
        {
            BackendProbe probe = backend.Probe();

            Assert.Equal((false, $"{path} is there, and no hypervisor is running under Windows."), (probe.IsAvailable, probe.Reason));
            Assert.StartsWith("Switch virtualization on in the firmware", probe.Remedy, StringComparison.Ordinal);
            Assert.Throws<HypervisorUnavailableException>(() => Hypervisor.Open(backend));
        }
        finally
        {
            Set(export, 0);
        }

        Assert.True(backend.Probe().IsAvailable, "The switch was put back.");
    }

    private static void Set(nint export, ulong value) =>
        Assert.Equal(0, Marshal.GetDelegateForFunctionPointer<Switch>(export)("NO_HYPERVISOR", value, out _));

    private delegate int Switch([MarshalAs(UnmanagedType.LPUTF8Str)] string name, ulong value, out ulong before);
}
