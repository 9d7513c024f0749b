using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests.Arm64;

/// <summary>A machine whose GIC is ours: what its processors do to it, and what comes back to them.</summary>
public sealed class EmulatedGicTests : IDisposable
{
    private const uint Distributor = 0x0800_0000;
    private const uint Redistributor = 0x080A_0000;
    private const uint SgiFrame = 0x1_0000;
    private const ulong AllPriorities = 0xF8;

    private readonly Arm64Machines _machines = new(HypervisorFeatures.FullInterruptController);

    public void Dispose() => _machines.Dispose();

    [Fact]
    public async Task Register_OfTheInterface_IsAnsweredAndAnyOtherFaults()
    {
        _machines.Backend.Vcpu(0)
            .RegisterRead(Arm64SystemRegister.IccCtlrEl1.Encoding, out ScriptedAnswer control)
            .RegisterWrite(Arm64SystemRegister.IccPmrEl1.Encoding, 0xFF, out ScriptedAnswer written)
            .RegisterRead(Arm64SystemRegister.IccPmrEl1.Encoding, out ScriptedAnswer mask)
            .RegisterRead(Arm64SystemRegister.Create(3, 0, 15, 0, 0).Encoding, out ScriptedAnswer unknown)
            .SystemEvent(SystemEventKind.PowerOff);

        await RunAsync(_machines.CreateBuilder());

        Assert.Equal(0x400UL, control.Value);
        Assert.False(written.IsFaulted);
        Assert.Equal(AllPriorities, mask.Value);
        Assert.True(unknown.IsFaulted);
        PartitionOptions options = Assert.Single(_machines.Backend.Partitions).Options;
        Assert.Equal((InterruptControllerMode.None, Arm64UnknownRegisterPolicy.Exit), (options.InterruptController, options.Arm64.UnknownRegisters));
    }

    [Fact]
    public async Task Timer_Leaving_IsThePrivateInterrupt27()
    {
        EnablePrivate(_machines.Backend.Vcpu(0))
            .Timer()
            .RegisterRead(Arm64SystemRegister.IccIar1El1.Encoding, out ScriptedAnswer interrupt)
            .RegisterWrite(Arm64SystemRegister.IccEoir1El1.Encoding, 27, out _)
            .SystemEvent(SystemEventKind.PowerOff);

        await RunAsync(_machines.CreateBuilder());

        // The script's timer is off, so that the level is settled at the exit that reads: the interrupt is gone before it was taken.
        Assert.Equal(1023UL, interrupt.Value);
        Assert.Equal([(Arm64InterruptInput.Irq, true), (Arm64InterruptInput.Irq, false)], _machines.Backend.Vcpu(0).InputChanges);
    }

    [Fact]
    public async Task Sgi_ToAProcessorThatWaits_WakesIt()
    {
        using var ready = new ManualResetEventSlim(); // an SGI to a processor that has not said its group yet is lost
        EnablePrivate(_machines.Backend.Vcpu(0))
            .Do(() => Assert.True(ready.Wait(ScriptedMachines.Limit), "Processor 1 did not get ready."))
            .RegisterWrite(Arm64SystemRegister.IccSgi1REl1.Encoding, (3UL << 24) | 0b10, out _)
            .WaitForCancel();
        EnablePrivate(_machines.Backend.Vcpu(1), Redistributor + 0x2_0000)
            .Do(ready.Set)
            .Halt() // sleeps until processor 0 sends
            .RegisterRead(Arm64SystemRegister.IccIar1El1.Encoding, out ScriptedAnswer interrupt)
            .SystemEvent(SystemEventKind.PowerOff);

        await RunAsync(_machines.CreateBuilder().WithProcessors(2));

        Assert.Equal(3UL, interrupt.Value);
        Assert.Contains((Arm64InterruptInput.Irq, true), _machines.Backend.Vcpu(1).InputChanges);
    }

    [Fact]
    public async Task Stop_WhileAllProcessorsWait_EndsTheMachine()
    {
        _machines.Backend.Vcpu(0).Halt().WaitForCancel();
        _machines.Backend.Vcpu(1).Halt().WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().WithProcessors(2).Build();
        await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);

        Task<MachineEnd> end = machine.StopAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);

        Assert.Equal(MachineEndKind.Stopped, (await end.WaitAsync(ScriptedMachines.Limit)).Kind);
    }

    [Fact]
    public async Task Line_OfADevice_ReachesTheProcessorItIsRoutedTo()
    {
        var device = new LineDevice();
        EnablePrivate(_machines.Backend.Vcpu(0))
            .MmioWrite(Distributor + 0x84, 1)
            .MmioWrite(Distributor + 0x104, 1)
            .Do(() => device.Line!.Set(true))
            .RegisterRead(Arm64SystemRegister.IccIar1El1.Encoding, out ScriptedAnswer interrupt)
            .SystemEvent(SystemEventKind.PowerOff);

        await RunAsync(_machines.CreateBuilder().AddDevice(device));

        Assert.Equal(32UL, interrupt.Value);
    }

    /// <summary>Both groups on, all private interrupts in group 1 and enabled.</summary>
    private static VcpuScript EnablePrivate(VcpuScript script, uint redistributor = Redistributor) => script
        .MmioWrite(Distributor, 3)
        .MmioWrite(redistributor + SgiFrame + 0x80, uint.MaxValue)
        .MmioWrite(redistributor + SgiFrame + 0x100, uint.MaxValue)
        .RegisterWrite(Arm64SystemRegister.IccPmrEl1.Encoding, AllPriorities, out _)
        .RegisterWrite(Arm64SystemRegister.IccIgrpen1El1.Encoding, 1, out _);

    private static async Task RunAsync(VirtualMachineBuilder builder)
    {
        await using VirtualMachine machine = builder.Build();
        await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(MachineEndKind.PoweredOff, (await ScriptedMachines.EndOf(machine)).Kind);
    }

    private sealed class LineDevice : IPlatformDevice
    {
        internal IInterruptLine? Line { get; private set; }

        public void Attach(IDeviceSlot slot) => Line = slot.ConnectLine(InterruptSense.Level, out _);
    }
}
