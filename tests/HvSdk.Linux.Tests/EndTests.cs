using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Every way in which Linux ends its machine, seen as what it is.</summary>
public sealed class EndTests
{
    [Theory]
    [InlineData("poweroff", ChipPlacement.Split, 2, MachineEndKind.PoweredOff)]
    [InlineData("reboot-cf9", ChipPlacement.Host, 1, MachineEndKind.Reset)]
    [InlineData("triplefault", ChipPlacement.Split, 1, MachineEndKind.Crashed)]
    [InlineData("panic", ChipPlacement.Host, 2, MachineEndKind.Panicked)]
    [InlineData("panic", ChipPlacement.Split, 1, MachineEndKind.Panicked)]
    [InlineData("halt", ChipPlacement.Host, 2, MachineEndKind.Halted)]
    [InlineData("halt", ChipPlacement.Split, 1, MachineEndKind.Halted)]
    public async Task Linux_EndsItsMachine_IsSeenAsWhatItIs(string action, ChipPlacement chips, int processors, MachineEndKind expected)
    {
        (_, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription { Chips = chips, Processors = processors, Actions = action });

        Assert.Equal(expected, end.Kind);
    }

    [Fact]
    public async Task Reboot_ByAcpi_IsAReset()
    {
        // No keyboard controller to do it by.
        (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(
            new GuestDescription { Chips = ChipPlacement.Split, HasKeyboardController = false, Actions = "reboot" });

        Assert.Equal(MachineEndKind.Reset, end.Kind);
        Assert.Equal("acpi", report["reboot"]);
    }

    [Fact]
    public async Task Reboot_ByTheKeyboardController_IsAReset()
    {
        // No other register to do it by; where that failed, Linux would triple-fault.
        (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(
            new GuestDescription { Processors = 2, HasResetControl = false, Arguments = "reboot=k", Actions = "reboot" });

        Assert.Equal(MachineEndKind.Reset, end.Kind);
        Assert.Equal("kbd", report["reboot"]);
    }

    [Fact]
    public async Task Reboot_ByTripleFault_IsACrash()
    {
        (_, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription { Processors = 2, Arguments = "reboot=t", Actions = "reboot" });

        Assert.Equal(MachineEndKind.Crashed, end.Kind);
    }

    [Fact]
    public async Task Panic_WithoutANotifier_RebootsWhereTheKernelIsToldSo()
    {
        (_, MachineEnd end) = await LinuxGuest.RunAsync(
            new GuestDescription { HasPanicNotifier = false, HasKeyboardController = false, Arguments = "panic=-1", Actions = "panic" });

        Assert.Equal(MachineEndKind.Reset, end.Kind);
    }

    [Fact]
    public async Task DebugExit_FromUserspace_HasItsCode()
    {
        // The standard kernel has a /dev/port.
        (_, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription { Kernel = GuestKernel.Standard, Form = KernelForm.Pvh, Actions = "debug-exit=42" });

        Assert.Equal((MachineEndKind.Exited, 85), (end.Kind, end.ExitCode));
    }
}
