using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Waits for a doorbell, and what ends them.</summary>
public sealed class DoorbellWaitTests
{
    [Fact]
    public void Wait_RungByGuestOnAnotherThread_Returns()
    {
        const int rounds = 200;

        // Rings for ever, and leaves after each ring, so that the test can keep step.
        using var machine = new TestMachine(Guest.Program(static g =>
        {
            GuestLabel loop = g.MarkHere();
            g.Out(1);
            g.Done();
            g.Jump(loop);
        }));
        using Doorbell doorbell = machine.Partition.CreateDoorbell(Guest.DeviceDoorbell());
        using var heard = new SemaphoreSlim(0);
        Task worker = Task.Factory.StartNew(
            () =>
            {
                for (int i = 0; i < rounds; i++)
                {
                    Assert.True(doorbell.Wait(Limit.Value), $"ring {i} is heard");
                    heard.Release();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        for (int i = 0; i < rounds; i++)
        {
            machine.RunToDone();
            Assert.True(heard.Wait(Limit.Value) || worker.IsFaulted, $"the worker hears ring {i}");
        }

        Limit.Await(worker, "the worker");
    }

    [Fact]
    public void Wait_NotRung_ReturnsFalseWhenTheTimeHasPassed()
    {
        using TestMachine machine = Create(out Doorbell doorbell);

        Assert.False(doorbell.Wait(TimeSpan.Zero));
        Assert.False(doorbell.Wait(TimeSpan.FromMilliseconds(20)));
    }

    [Fact]
    public void Wait_NegativeTime_IsRefused()
    {
        using TestMachine machine = Create(out Doorbell doorbell);

        Assert.Throws<ArgumentOutOfRangeException>(() => doorbell.Wait(TimeSpan.FromMilliseconds(-2)));
    }

    [Fact]
    public void Ring_FromTheHost_EndsOneWait()
    {
        using TestMachine machine = Create(out Doorbell doorbell);
        Task wait = StartWait(() => doorbell.Wait());

        doorbell.Ring();

        Limit.Await(wait, "the wait");
        Assert.False(doorbell.Wait(TimeSpan.Zero));
    }

    [Fact]
    public void Wait_TokenCancelledBeforeOrDuring_Throws()
    {
        using TestMachine machine = Create(out Doorbell doorbell);
        using var source = new CancellationTokenSource();
        CancellationToken token = source.Token;
        Task<OperationCanceledException> during = StartWait(() => Assert.ThrowsAny<OperationCanceledException>(() => doorbell.Wait(token)));

        source.Cancel();

        Assert.Equal(token, Limit.Await(during, "the cancelled wait").CancellationToken);
        Assert.ThrowsAny<OperationCanceledException>(() => doorbell.Wait(token));
        Assert.ThrowsAny<OperationCanceledException>(() => doorbell.Wait(TimeSpan.Zero, token));
        doorbell.Ring();
        Assert.True(doorbell.Wait(TimeSpan.Zero));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Wait_DisposedOfMeanwhile_EveryWaiterThrows(bool byPartition)
    {
        using TestMachine machine = Create(out Doorbell doorbell);
        using var source = new CancellationTokenSource();
        Task<ObjectDisposedException>[] waits =
        [
            StartWait(() => Assert.Throws<ObjectDisposedException>(() => doorbell.Wait())),
            StartWait(() => Assert.Throws<ObjectDisposedException>(() => doorbell.Wait(source.Token))),
            StartWait(() => Assert.Throws<ObjectDisposedException>(() => doorbell.Wait(Limit.Value))),
        ];

        IDisposable disposed = byPartition ? machine.Partition : doorbell;
        disposed.Dispose();

        Assert.All(waits, static wait => Limit.Await(wait, "a wait for a doorbell that is gone"));
        Assert.Throws<ObjectDisposedException>(() => doorbell.Wait(TimeSpan.Zero));
        doorbell.Ring();
    }

    private static TestMachine Create(out Doorbell doorbell)
    {
        var machine = new TestMachine();
        doorbell = machine.Partition.CreateDoorbell(Guest.DeviceDoorbell());
        return machine;
    }

    private static Task<int> StartWait(Action wait) => StartWait(() =>
    {
        wait();
        return 0;
    });

    private static Task<T> StartWait<T>(Func<T> wait) =>
        Task.Factory.StartNew(wait, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
