using System.Runtime.InteropServices;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>Older versions of Windows lack functions; so do the builds that stand for them.</summary>
public sealed class ExportTests(StandIn standIn) : IClassFixture<StandIn>
{
    [Theory]
    [InlineData("1803", "WHvRunVirtualProcessor", true)]
    [InlineData("1803", "WHvRequestInterrupt", false)]
    [InlineData("1809", "WHvGetVirtualProcessorXsaveState", true)]
    [InlineData("1809", "WHvSuspendPartitionTime", false)]
    [InlineData("1903", "WHvSuspendPartitionTime", true)]
    [InlineData("1903", "WHvRegisterPartitionDoorbellEvent", false)]
    [InlineData("2004", "WHvRegisterPartitionDoorbellEvent", true)]
    [InlineData("2004", "WHvAdviseGpaRange", false)]
    [InlineData("2009", "WHvAdviseGpaRange", true)]
    [InlineData("2009", "WHvResetPartition", false)]
    [InlineData("2109", "WHvResetPartition", true)]
    [InlineData("2109", "host_ioctl", false)]
    public void Export_OfAVersion_IsThereOrNot(string version, string name, bool isThere)
    {
        standIn.RequireBuild();
        nint library = NativeLibrary.Load(Path.Combine(StandIn.Output, "linux", version, "libWinHvPlatform.so"));

        Assert.Equal(isThere, NativeLibrary.TryGetExport(library, name, out _));
    }
}
