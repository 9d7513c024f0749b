using HvSdk.Boot;

namespace HvSdk.VirtualMachines.Live.Tests.Images;

/// <summary>The kernels of these tests, as files. These run on any machine, so a run without a hypervisor has tests too.</summary>
public sealed class TestKernelTests
{
    [Fact]
    public void Elf_WithABss_NeedsRoomForIt()
    {
        const uint Magic = 0x1BAD_B002;
        using MultibootImage image = MultibootImage.ReadMultiboot1(TestKernel.Elf(TestKernel.Words(Magic, 0, unchecked(0 - Magic)), TestKernel.Code32(12, static a => a.End())));

        var machine = new BootMachine { MemoryMap = [new(0, 0xA_0000, MemoryMapKind.Usable), new(0x10_0000, TestKernel.Address + TestKernel.BssSize - 0x10_0000, MemoryMapKind.Usable)] };

        Assert.Contains("kernel", Assert.Single(image.FindProblems(machine)), StringComparison.Ordinal); // its segment and BSS go a little beyond
    }
}
