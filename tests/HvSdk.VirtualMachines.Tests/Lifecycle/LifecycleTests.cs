using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests.Lifecycle;

/// <summary>Starting, pausing, stopping, disposing.</summary>
public sealed class LifecycleTests : IDisposable
{
    private readonly ScriptedMachines _machines = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _machines.Dispose();

    [Fact]
    public void Build_GoodDescription_MakesNothingNative()
    {
        _machines.CreateBuilder().Build();

        Assert.Empty(_machines.Backend.Partitions);
    }

    [Fact]
    public async Task StateChanged_FromStartToEnd_TellsEachState()
    {
        _machines.Backend.Vcpu(0).WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().Build();
        var states = new List<MachineState>();
        machine.StateChanged += (_, change) =>
        {
            lock (states)
            {
                states.Add(change.Current);
            }
        };

        await machine.StartAsync(cancellationToken: Token);
        await machine.StopAsync(TimeSpan.Zero, Token);

        Assert.Equal([MachineState.Starting, MachineState.Running, MachineState.Ended], states);
    }

    [Fact]
    public async Task StartAsync_Twice_IsRefused()
    {
        _machines.Backend.Vcpu(0).WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().Build();
        await machine.StartAsync(cancellationToken: Token);

        await Assert.ThrowsAsync<InvalidOperationException>(() => machine.StartAsync(cancellationToken: Token));
    }

    [Fact]
    public async Task InvokeOnProcessorAsync_Paused_RunsOnTheProcessorsOwnThread()
    {
        _machines.Backend.Vcpu(0).WaitForCancel().WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().Build();
        await machine.StartAsync(cancellationToken: Token);
        await machine.PauseAsync(Token);

        int first = await machine.InvokeOnProcessorAsync(0, static _ => Environment.CurrentManagedThreadId).WaitAsync(ScriptedMachines.Limit, Token);
        int second = await machine.InvokeOnProcessorAsync(0, static _ => Environment.CurrentManagedThreadId).WaitAsync(ScriptedMachines.Limit, Token);
        await Assert.ThrowsAsync<FormatException>(() => machine.InvokeOnProcessorAsync<int>(0, static _ => throw new FormatException()).WaitAsync(ScriptedMachines.Limit, Token));

        Assert.Equal(first, second);
        Assert.NotEqual(Environment.CurrentManagedThreadId, first);
        Assert.Equal(MachineState.Paused, machine.State);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => machine.InvokeOnProcessorAsync(1, static _ => 0));
    }

    [Fact]
    public async Task InvokeOnProcessorAsync_NotPaused_IsRefused()
    {
        _machines.Backend.Vcpu(0).WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().Build();
        await Assert.ThrowsAsync<InvalidOperationException>(() => machine.InvokeOnProcessorAsync(0, static _ => 0));
        await machine.StartAsync(cancellationToken: Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => machine.InvokeOnProcessorAsync(0, static _ => 0));
        await machine.StopAsync(TimeSpan.Zero, Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => machine.InvokeOnProcessorAsync(0, static _ => 0));
    }

    [Theory]
    [InlineData(ScriptedOperation.CreatePartition)]
    [InlineData(ScriptedOperation.MapMemory)]
    [InlineData(ScriptedOperation.CreateVcpu)]
    public async Task StartAsync_HostRefuses_ThrowsAndLeavesNothing(ScriptedOperation operation)
    {
        _machines.Backend.FailNext(operation);
        VirtualMachine machine = _machines.CreateBuilder().WithProcessors(2).Build();

        await Assert.ThrowsAsync<HypervisorException>(() => machine.StartAsync(cancellationToken: Token));

        Assert.Equal(MachineEndKind.Failed, machine.End!.Kind);
        await machine.DisposeAsync();
        Assert.All(_machines.Backend.Partitions, static partition => Assert.True(partition.IsDisposed));
    }

    [Fact]
    public async Task StartAsync_Cancelled_EndsTheMachine()
    {
        await using VirtualMachine machine = _machines.CreateBuilder().Build();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => machine.StartAsync(cancellationToken: new CancellationToken(true)));

        Assert.Equal(MachineEndKind.Stopped, machine.End!.Kind);
    }

    [Fact]
    public async Task PauseAsync_Running_StopsAllProcessorsUntilResume()
    {
        // The guest is in the midst of something when the pause comes: one that has not begun to run would have nothing to be stopped at.
        using var inGuest = new ManualResetEventSlim();
        using var paused = new ManualResetEventSlim();
        _machines.Backend.Vcpu(0)
            .Do(() =>
            {
                inGuest.Set();
                Assert.True(paused.Wait(ScriptedMachines.Limit), "The pause was not asked for in time.");
            })
            .PortWrite(0xCF9, 0x06)
            .WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().Build();
        await machine.StartAsync(cancellationToken: Token);
        Assert.True(inGuest.Wait(ScriptedMachines.Limit, Token), "The guest did not run in time.");

        Task pause = machine.PauseAsync(Token);
        Assert.False(pause.IsCompleted);
        paused.Set();
        await pause.WaitAsync(ScriptedMachines.Limit, Token);
        Assert.Equal((MachineState.Paused, null), (machine.State, machine.End));
        await machine.ResumeAsync();

        Assert.Equal(MachineEndKind.Reset, (await ScriptedMachines.EndOf(machine)).Kind);
    }

    [Fact]
    public async Task PauseAsync_NotRunning_IsRefused()
    {
        await using VirtualMachine machine = _machines.CreateBuilder().Build();

        await Assert.ThrowsAsync<InvalidOperationException>(() => machine.PauseAsync(Token));
        await Assert.ThrowsAsync<InvalidOperationException>(machine.ResumeAsync);
    }

    [Fact]
    public async Task StopAsync_GuestListens_IsPoweredOffByItself()
    {
        // Waits until it is kicked by nobody but the test, reads that the power button was pressed, and switches off.
        VcpuScript script = _machines.Backend.Vcpu(0);
        using var pressed = new ManualResetEventSlim();
        script.Do(() => pressed.Wait(ScriptedMachines.Limit)).PortRead(0x600, out ScriptedAnswer status, 2).PortWrite(0xCF9, 0x06).WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().Build();
        await machine.StartAsync(cancellationToken: Token);

        Task<MachineEnd> stop = machine.StopAsync(ScriptedMachines.Limit, Token);
        pressed.Set();

        Assert.Equal(MachineEndKind.Reset, (await stop).Kind);
        Assert.NotEqual(0UL, status.Value & (1 << 8)); // PWRBTN_STS
    }

    [Fact]
    public async Task StopAsync_GuestDoesNotListen_IsStoppedHard()
    {
        _machines.Backend.Vcpu(0).WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().Build();
        await machine.StartAsync(cancellationToken: Token);

        MachineEnd end = await machine.StopAsync(TimeSpan.FromMilliseconds(20), Token).WaitAsync(ScriptedMachines.Limit, Token);

        Assert.Equal(MachineEndKind.Stopped, end.Kind);
    }

    [Fact]
    public async Task StopAsync_Paused_IsStoppedHardAtOnce()
    {
        _machines.Backend.Vcpu(0).WaitForCancel();
        await using VirtualMachine machine = _machines.CreateBuilder().Build();
        await machine.StartAsync(cancellationToken: Token);
        await machine.PauseAsync(Token).WaitAsync(ScriptedMachines.Limit, Token);

        Assert.Equal(MachineEndKind.Stopped, (await machine.StopAsync(null, Token).WaitAsync(ScriptedMachines.Limit, Token)).Kind);
    }

    [Fact]
    public async Task StopAsync_NeverStarted_IsStopped()
    {
        await using VirtualMachine machine = _machines.CreateBuilder().Build();

        Assert.Equal(MachineEndKind.Stopped, (await machine.StopAsync(null, Token).WaitAsync(ScriptedMachines.Limit, Token)).Kind);
    }

    [Fact]
    public async Task DisposeAsync_Running_EndsItAndFreesEverything()
    {
        _machines.Backend.Vcpu(0).WaitForCancel();
        var device = new DisposableDevice();
        VirtualMachine machine = _machines.CreateBuilder().AddDevice(device).Build();
        await machine.StartAsync(cancellationToken: Token);

        await machine.DisposeAsync();
        await machine.DisposeAsync();

        Assert.Equal(MachineEndKind.Stopped, machine.End!.Kind);
        Assert.True(_machines.Backend.Partition.IsDisposed);
        Assert.Equal((1, 1), (device.Ends, device.Disposals));
    }

    [Fact]
    public async Task DisposeAsync_WhileItStarts_LeavesNothing()
    {
        for (int i = 0; i < 50; i++)
        {
            var machines = new ScriptedMachines();
            machines.Backend.Vcpu(0).WaitForCancel();
            VirtualMachine machine = machines.CreateBuilder().Build();
            Task start = machine.StartAsync(cancellationToken: Token);
            await machine.DisposeAsync().AsTask().WaitAsync(ScriptedMachines.Limit, Token);
            await start.ContinueWith(static _ => { }, TaskScheduler.Default);
            Assert.All(machines.Backend.Partitions, static partition => Assert.True(partition.IsDisposed));
            machines.Dispose();
        }
    }

    private sealed class DisposableDevice : IPlatformDevice, IDisposable
    {
        public int Ends { get; private set; }

        public int Disposals { get; private set; }

        public void Attach(IDeviceSlot slot) => slot.OnEnded(() => Ends++);

        public void Dispose() => Disposals++;
    }
}
