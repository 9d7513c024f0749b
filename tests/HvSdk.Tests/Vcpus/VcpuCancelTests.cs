using HvSdk.Testing;

namespace HvSdk.Tests.Vcpus;

public sealed class VcpuCancelTests
{
    [Fact]
    public void Run_HostLeavesForNothing_GoesOn()
    {
        using ScriptedMachine machine = new();
        machine.Script.SpuriousCancel().PortWrite(0x80, 1).SpuriousCancel().SpuriousCancel().Halt().SpuriousCancel().Shutdown();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
        Assert.Equal(VcpuExitKind.Shutdown, vcpu.RunOnce().Kind);
        Assert.Equal(4, vcpu.Statistics.ExitsOf(VcpuExitKind.Canceled));
        Assert.Equal(0, vcpu.Statistics.Kicks);
    }

    [Fact]
    public void Cancel_BeforeTheRun_EndsTheNextRunOnce()
    {
        using ScriptedMachine machine = new();
        machine.Script.Halt().Shutdown();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.Cancel();
        vcpu.Cancel();
        Assert.Equal(VcpuExitKind.Canceled, vcpu.Run().Kind);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
        vcpu.Cancel();
        Assert.Equal(VcpuExitKind.Canceled, vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Shutdown, vcpu.RunOnce().Kind);
        Assert.Equal((2L, 2), (vcpu.Statistics.Kicks, machine.Script.Kicks));
    }

    [Fact]
    public void Cancel_RunThatEndsForAnotherReason_EndsTheNext()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortWrite(0x80, 1).Shutdown();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(exit =>
        {
            vcpu.Cancel();
            return ExitDisposition.Stop;
        });
        Assert.Equal(VcpuExitKind.PortWrite, vcpu.Run(ref handler).Kind);
        Assert.Equal(VcpuExitKind.Canceled, vcpu.Run().Kind);
        Assert.Equal(VcpuExitKind.Shutdown, vcpu.Run().Kind);
    }

    [Fact]
    public void Cancel_InAHandlerOfARead_CompletesTheReadFirst()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortRead(0x60, out ScriptedAnswer answer).Shutdown();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(exit =>
        {
            exit.SetValue(0x42);
            vcpu.Cancel();
            return ExitDisposition.Handled;
        });
        Assert.Equal(VcpuExitKind.Canceled, vcpu.Run(ref handler).Kind);
        Assert.Equal(0x42UL, answer.Value);
    }

    [Fact]
    public void Cancel_WithinAnInstructionOfSeveralAccesses_WaitsForTheLast()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Mmio.Map(0xFFC, 8, new RecordingDevice { Answer = [7] });
        machine.Script.OneInstruction(i => i.MmioRead(0xFFE, out _, 2).MmioRead(0x1000, out _, 2)).Shutdown();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(exit =>
        {
            if (exit.Kind == VcpuExitKind.MmioRead && exit.Address == 0xFFE)
            {
                vcpu.Cancel();
            }

            return ExitDisposition.NotHandled;
        });
        Assert.Equal(VcpuExitKind.Canceled, vcpu.Run(ref handler).Kind);
        Assert.Equal(["MmioRead GPA 0xFFE size 2", "MmioRead GPA 0x1000 size 2"], handler.Seen);
    }

    [Fact]
    public async Task Cancel_FromAnotherThread_EndsARunThatNeverEnds()
    {
        using ScriptedMachine machine = new();
        machine.Script.WaitForCancel().Halt();
        using var inGuest = new ManualResetEventSlim();
        Task<VcpuExitKind> run = machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
        {
            inGuest.Set();
            return vcpu.Run(TestContext.Current.CancellationToken).Kind;
        });
        Assert.True(inGuest.Wait(Limits.Limit), "the vCPU's thread did not start in time");
        machine.Partition.Vcpus[0].Cancel();
        await run.Within("the cancelled run");
        Assert.Equal(VcpuExitKind.Canceled, await run);
    }

    [Fact]
    public async Task Cancel_ManyTimesFromManyThreads_LosesNone()
    {
        using ScriptedMachine machine = new();
        const int rounds = 5000;
        for (int i = 0; i < rounds; i++)
        {
            machine.Script.WaitForCancel();
        }

        int asked = 0;
        using var next = new SemaphoreSlim(0);
        Task<int> run = machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
        {
            for (int i = 0; i < rounds; i++)
            {
                next.Release();
                Assert.Equal(VcpuExitKind.Canceled, vcpu.Run(CancellationToken.None).Kind);
            }

            return rounds;
        });
        Limits.Until(() => machine.Partition.Vcpus.Count == 1, "the vCPU exists");
        Vcpu target = machine.Partition.Vcpus[0];
        Task[] threads = [Limits.OnThread(Ask), Limits.OnThread(Ask)];
        await Task.WhenAll([.. threads, run]).Within("all rounds");

        void Ask()
        {
            while (Interlocked.Increment(ref asked) <= rounds)
            {
                Assert.True(next.Wait(Limits.Limit), "a cancellation was lost");
                target.Cancel();
            }
        }
    }

    [Fact]
    public void Token_CancelledBefore_RunsNothing()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        using var source = new CancellationTokenSource();
        source.Cancel();
        OperationCanceledException e = Assert.Throws<OperationCanceledException>(() => vcpu.Run(source.Token).Kind);
        Assert.Equal(source.Token, e.CancellationToken);
        Assert.Equal(0, machine.Script.Entries);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
    }

    [Fact]
    public void Token_CancelledInTheRun_ThrowsAndTheVcpuStays()
    {
        using ScriptedMachine machine = new();
        using var source = new CancellationTokenSource();
        machine.Script.Do(source.Cancel).PortWrite(0x80, 1).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Equal(source.Token, Assert.Throws<OperationCanceledException>(() => vcpu.Run(source.Token).Kind).CancellationToken);
        Assert.Equal("PortWrite port 0x80 size 1 count 1 data 01", vcpu.RunOnce().ToString());
    }

    [Fact]
    public void Token_CancelledByTheLastHandler_DoesNotReachTheNextRun()
    {
        using ScriptedMachine machine = new();
        using var source = new CancellationTokenSource();
        machine.Script.PortWrite(0x80, 1).Halt().Shutdown();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(exit =>
        {
            source.Cancel();
            return ExitDisposition.Stop;
        });
        Assert.Equal(VcpuExitKind.PortWrite, vcpu.Run(ref handler, source.Token).Kind);
        Assert.Equal(VcpuExitKind.Halt, vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Shutdown, vcpu.Run().Kind);
    }

    [Fact]
    public void TokenAndCancel_Both_ReturnCanceled()
    {
        using ScriptedMachine machine = new();
        using var source = new CancellationTokenSource();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        machine.Script
            .Do(() =>
            {
                source.Cancel();
                vcpu.Cancel();
            })
            .Halt();
        Assert.Equal(VcpuExitKind.Canceled, vcpu.Run(source.Token).Kind);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
    }

    [Fact]
    public async Task RunVcpuAsync_Ends_AreTheTasks()
    {
        using ScriptedMachine machine = new(new() { MaxVcpus = 4 });
        using var source = new CancellationTokenSource();
        machine.Backend.Vcpu(2).Do(source.Cancel).WaitForCancel();
        Assert.Equal(5, await machine.Partition.RunVcpuAsync(0, static (_, _) => 5));
        await Assert.ThrowsAsync<FormatException>(() => machine.Partition.RunVcpuAsync<int>(1, static (_, _) => throw new FormatException()));
        Task<VcpuExitKind> cancelled = machine.Partition.RunVcpuAsync(2, static (vcpu, token) => vcpu.Run(token).Kind, source.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.True(cancelled.IsCanceled);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => machine.Partition.RunVcpuAsync(9, static (_, _) => 0));
        Assert.Empty(machine.Partition.Vcpus);
        string? name = await machine.Partition.RunVcpuAsync(3, static (_, _) => Thread.CurrentThread.Name);
        Assert.Equal("HvSdk partition vCPU 3", name);
    }
}
