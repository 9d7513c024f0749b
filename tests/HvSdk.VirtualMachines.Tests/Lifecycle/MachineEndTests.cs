using HvSdk.Devices.Emulated;
using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests.Lifecycle;

/// <summary>Each way in which a machine ends, seen as what it is.</summary>
public sealed class MachineEndTests : IDisposable
{
    private const ushort PowerControlPort = 0x604;
    private const ulong SleepEnable = 1 << 13;
    private readonly ScriptedMachines _machines = new();

    public void Dispose() => _machines.Dispose();

    [Fact]
    public async Task WaitForExitAsync_GuestSwitchesOff_IsPoweredOff()
    {
        // SLP_TYP of soft off, SLP_EN.
        _machines.Backend.Vcpu(0).PortWrite(PowerControlPort, SleepEnable | ((ulong)new PowerManagement().SoftOffType << 10), 2).WaitForCancel();

        Assert.Equal(MachineEndKind.PoweredOff, (await RunAsync(_machines.CreateBuilder())).Kind);
    }

    [Fact]
    public async Task WaitForExitAsync_GuestWritesTheResetPort_IsReset()
    {
        _machines.Backend.Vcpu(0).PortWrite(0xCF9, 0x06).WaitForCancel();

        Assert.Equal(MachineEndKind.Reset, (await RunAsync(_machines.CreateBuilder())).Kind);
    }

    [Fact]
    public async Task WaitForExitAsync_GuestResetsByTheKeyboardController_IsReset()
    {
        _machines.Backend.Vcpu(0).PortWrite(0x64, 0xFE).WaitForCancel();

        Assert.Equal(MachineEndKind.Reset, (await RunAsync(_machines.CreateBuilder().AddDevice(new KeyboardController8042()))).Kind);
    }

    [Fact]
    public async Task WaitForExitAsync_GuestReportsPanic_IsPanicked()
    {
        _machines.Backend.Vcpu(0).PortWrite(0x505, 1).WaitForCancel();

        Assert.Equal(MachineEndKind.Panicked, (await RunAsync(_machines.CreateBuilder().AddDevice(new PanicNotifier()))).Kind);
    }

    [Fact]
    public async Task WaitForExitAsync_GuestUsesTheDebugExit_HasItsCode()
    {
        _machines.Backend.Vcpu(0).PortWrite(0xF4, 0x10, 4).WaitForCancel();

        MachineEnd end = await RunAsync(_machines.CreateBuilder().AddDevice(new DebugExit()));

        Assert.Equal((MachineEndKind.Exited, 0x21), (end.Kind, end.ExitCode));
    }

    [Fact]
    public async Task WaitForExitAsync_TripleFault_IsCrashed()
    {
        _machines.Backend.Vcpu(0).Shutdown();

        MachineEnd end = await RunAsync(_machines.CreateBuilder());

        Assert.Equal(MachineEndKind.Crashed, end.Kind);
        Assert.Contains("triple fault", end.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WaitForExitAsync_HostCannotEmulate_IsCrashedWithTheReason()
    {
        _machines.Backend.Vcpu(0).EmulationFailure(0x0F, 0x0B);

        MachineEnd end = await RunAsync(_machines.CreateBuilder());

        Assert.Equal(MachineEndKind.Crashed, end.Kind);
        Assert.Contains("RIP", end.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WaitForExitAsync_DeviceThrows_IsFailedWithItsException()
    {
        _machines.Backend.Vcpu(0).PortWrite(0x300, 1).WaitForCancel();

        MachineEnd end = await RunAsync(_machines.CreateBuilder().AddDevice(new BrokenDevice()));

        Assert.Equal(MachineEndKind.Failed, end.Kind);
        Assert.Equal("defect", end.Exception!.Message);
    }

    [Fact]
    public async Task WaitForExitAsync_OneOfTwoProcessorsEndsIt_StopsTheOther()
    {
        _machines.Backend.Vcpu(0).WaitForCancel();
        _machines.Backend.Vcpu(1).PortWrite(0xCF9, 0x06).WaitForCancel();

        MachineEnd end = await RunAsync(_machines.CreateBuilder().WithProcessors(2));

        Assert.Equal(MachineEndKind.Reset, end.Kind);
        Assert.Equal(0, _machines.Backend.Partition.LiveVcpus);
    }

    [Fact]
    public async Task WaitForExitAsync_TwoDevicesEndIt_TheFirstDecides()
    {
        _machines.Backend.Vcpu(0).PortWrite(0x505, 1).PortWrite(0xCF9, 0x06).WaitForCancel();

        Assert.Equal(MachineEndKind.Panicked, (await RunAsync(_machines.CreateBuilder().AddDevice(new PanicNotifier()))).Kind);
    }

    [Fact]
    public async Task WaitForExitAsync_Cancelled_EndsTheWaitOnly()
    {
        _machines.Backend.Vcpu(0).WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().Build();
        await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => machine.WaitForExitAsync(limit.Token));

        Assert.Equal(MachineState.Running, machine.State);
    }

    private static async Task<MachineEnd> RunAsync(VirtualMachineBuilder builder)
    {
        await using VirtualMachine machine = builder.Build();
        await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        return await ScriptedMachines.EndOf(machine);
    }
}
