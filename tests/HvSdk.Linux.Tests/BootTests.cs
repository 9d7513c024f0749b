using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Debian's kernels, unmodified, to a userspace that says what it found.</summary>
public sealed class BootTests
{
    // Not all combinations: every value of each column, each kernel with each placement of the chips, each form with one and with two processors.
    [Theory]
    [InlineData(GuestKernel.Cloud, KernelForm.BzImage, 1, 128, ChipPlacement.Host)]
    [InlineData(GuestKernel.Cloud, KernelForm.BzImage, 2, 512, ChipPlacement.Split)]
    [InlineData(GuestKernel.Cloud, KernelForm.BzImage, 4, 1024, ChipPlacement.Host)]
    [InlineData(GuestKernel.Cloud, KernelForm.BzImageUnpackingItself, 1, 256, ChipPlacement.Split)]
    [InlineData(GuestKernel.Cloud, KernelForm.BzImageUnpackingItself, 2, 512, ChipPlacement.Host)]
    [InlineData(GuestKernel.Cloud, KernelForm.Pvh, 1, 128, ChipPlacement.Split)]
    [InlineData(GuestKernel.Cloud, KernelForm.Pvh, 2, 3072, ChipPlacement.Host)]
    [InlineData(GuestKernel.Cloud, KernelForm.Pvh, 4, 6144, ChipPlacement.Split)]
    [InlineData(GuestKernel.Cloud, KernelForm.Elf64, 1, 512, ChipPlacement.Host)]
    [InlineData(GuestKernel.Cloud, KernelForm.Elf64, 2, 256, ChipPlacement.Split)]
    [InlineData(GuestKernel.Standard, KernelForm.BzImage, 1, 512, ChipPlacement.Split)]
    [InlineData(GuestKernel.Standard, KernelForm.BzImageUnpackingItself, 2, 512, ChipPlacement.Host)]
    [InlineData(GuestKernel.Standard, KernelForm.Pvh, 2, 256, ChipPlacement.Split)]
    [InlineData(GuestKernel.Standard, KernelForm.Elf64, 4, 6144, ChipPlacement.Host)]
    public async Task Boot_Linux_FindsItsMachineAndPowersOff(GuestKernel kernel, KernelForm form, int processors, int mebibytes, ChipPlacement chips)
    {
        ulong memory = (ulong)mebibytes * GuestDescription.MiB;

        (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(
            new GuestDescription { Kernel = kernel, Form = form, Processors = processors, Memory = memory, Chips = chips, Actions = "report" });

        Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
        Assert.Equal(processors, report.Number("cpus"));
        Assert.Equal("yes", report["hypervisor"]);
        AssertMemory(memory, report.Number("memory_kb"));
        Assert.Equal("kvm-clock", report["clocksource"]);
        Assert.StartsWith("lapic", report["clockevent"], StringComparison.Ordinal);
        Assert.StartsWith("rtc_cmos", report["rtc"], StringComparison.Ordinal);
        Assert.Equal(["APIC", "DSDT", "FACP", "FACS"], report["acpi"].Split(' ').Order(StringComparer.Ordinal));
        AssertInterrupts(report, processors);
    }

    /// <summary>Linux counts what it has left after its own code, its tables of pages, and what it sets aside in proportion.</summary>
    private static void AssertMemory(ulong given, long found)
    {
        const ulong kernel = 80UL * GuestDescription.MiB;
        ulong least = given - (given / 32) - kernel;
        Assert.InRange((ulong)found * 1024, least, given);
    }

    private static void AssertInterrupts(GuestReport report, int processors)
    {
        Assert.True(report.Number("irq.LOC") > 0, "The local APIC's timer has not interrupted.");
        Assert.True(report.Number("irq.ttyS0") > 0, "The serial port has not interrupted.");
        Assert.Contains("line=4 chip=IO-APIC pin=4-edge", report["irq.ttyS0"], StringComparison.Ordinal);
        Assert.Contains("line=9 chip=IO-APIC pin=9-fasteoi", report["irq.acpi"], StringComparison.Ordinal);
        if (processors > 1)
        {
            Assert.True(report.Number("irq.CAL") > 0, "No processor has called another.");
        }
    }
}
