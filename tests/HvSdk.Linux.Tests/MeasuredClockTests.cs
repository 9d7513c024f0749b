using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Linux without a clock of the host's, as on WHP, where this class runs too: it measures its own against the 8254, and routes that through the I/O APIC.</summary>
public sealed class MeasuredClockTests
{
    [Theory]
    [InlineData(KernelForm.BzImage)]
    public async Task Boot_NoClockOfTheHosts_MeasuresItsOwnAndPowersOff(KernelForm form)
    {
        bool hasClock;
        using (Hypervisor hypervisor = LiveHypervisor.Open())
        {
            hasClock = hypervisor.Capabilities.Supports(HypervisorFeatures.ParavirtualClock);
        }

        // Where the host has one, Linux is told not to take it, and the machine gets the timer that it has by default elsewhere.
        GuestDescription description = new() { Form = form, Chips = ChipPlacement.Split, Actions = "report" };
        (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(
            hasClock ? description with { Arguments = "no-kvmclock", IntervalTimer = true } : description);

        Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
        Assert.Equal(1, report.Number("cpus"));
        Assert.NotEqual("kvm-clock", report["clocksource"]);
        Assert.True(report.Number("irq.LOC") > 0, "The local APIC's timer has not interrupted.");
        Assert.Contains("line=4 chip=IO-APIC pin=4-edge", report["irq.ttyS0"], StringComparison.Ordinal);
    }
}
