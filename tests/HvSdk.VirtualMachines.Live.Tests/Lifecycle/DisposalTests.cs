using HvSdk.Live;

namespace HvSdk.VirtualMachines.Live.Tests.Lifecycle;

/// <summary>Machines with all devices, disposed of at any moment of their lives: nothing stays behind.</summary>
[Collection(nameof(ProcessResources))]
public sealed class DisposalTests
{
    private const int Machines = 200;

    /// <summary>Threads that the pool and the test runner may start meanwhile.</summary>
    private const int ThreadsOfTheRuntime = 8;

    /// <summary>What the runtime maps of its own accord while a test runs; a mapping lost per machine would be more.</summary>
    private const int MappingsOfTheRuntime = Machines / 2;

    /// <summary>The same in bytes: a quarter of what the machines have as RAM.</summary>
    private const long BytesOfTheRuntime = Machines * (long)AllDevices.MemorySize / 4;

    [Fact]
    public async Task Machines_DisposedAtRandomMoments_LeaveNothing()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"Seed {seed}.");
        var random = new Random(seed);
        for (int i = 0; i < Machines / 4; i++)
        {
            await LiveAndDieAsync(hypervisor, random, i);
        }

        ProcessResources before = ProcessResources.Take();
        for (int i = 0; i < Machines; i++)
        {
            await LiveAndDieAsync(hypervisor, random, i);
        }

        ProcessResources after = ProcessResources.Take();
        TestContext.Current.TestOutputHelper?.WriteLine($"Before {before}, after {after}.");

        // Fewer where a thread has ended meanwhile that had waited with a token: it had an event of its own.
        Assert.InRange(after.Descriptors, 0, before.Descriptors);
        Assert.InRange(after.Threads, 0, before.Threads + ThreadsOfTheRuntime);
        Assert.InRange(after.Mappings, 0, before.Mappings + MappingsOfTheRuntime);
        Assert.InRange(after.MappedBytes, 0, before.MappedBytes + BytesOfTheRuntime);
    }

    private static async Task LiveAndDieAsync(Hypervisor hypervisor, Random random, int round)
    {
        VirtualMachine machine = AllDevices.AddTo(VirtualMachine.CreateBuilder(hypervisor))
            .WithProcessors(1 + (round % 3))
            .ConfigureBoard(board => board.Chips = round % 2 == 0 ? ChipPlacement.Automatic : ChipPlacement.Split)
            .Build();
        CancellationToken token = TestContext.Current.CancellationToken;
        Task life = Task.CompletedTask;
        switch (random.Next(5))
        {
            case 0: // never started
                break;
            case 1: // while it starts
                life = machine.StartAsync(cancellationToken: token);
                Spin(random);
                break;
            case 2: // while it runs
                await machine.StartAsync(cancellationToken: token);
                Spin(random);
                break;
            case 3: // while it is paused, or about to be
                await machine.StartAsync(cancellationToken: token);
                life = machine.PauseAsync(token);
                Spin(random);
                break;
            default: // while it is asked to stop, which this guest does not hear
                await machine.StartAsync(cancellationToken: token);
                life = machine.StopAsync(Limit.Value, token);
                Spin(random);
                break;
        }

        await machine.DisposeAsync().AsTask().WaitAsync(Limit.Value, token);

        // A start that the disposal ended throws; all else completes.
        await life.ContinueWith(static _ => { }, token, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).WaitAsync(Limit.Value, token);
        Assert.Equal((MachineState.Ended, MachineEndKind.Stopped), (machine.State, machine.End!.Kind));
    }

    /// <summary>Lets a moment of up to some milliseconds pass: as long as a start takes.</summary>
    private static void Spin(Random random) => Thread.SpinWait(random.Next(100_000));
}
