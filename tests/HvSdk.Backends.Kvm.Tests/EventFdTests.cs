using HvSdk.Backends.Kvm.Interop;
using HvSdk.Live;

namespace HvSdk.Backends.Kvm.Tests;

public sealed class EventFdTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    public EventFdTests()
    {
        if (!OperatingSystem.IsLinux())
        {
            LiveHypervisor.SkipOrFail("kvm", "eventfd belongs to Linux.");
        }
    }

    [Fact]
    public void Wait_SignalsThatGathered_AreOne()
    {
        using var fd = new EventFd();
        fd.Signal();
        fd.Signal();
        Assert.True(fd.Wait(s_limit, default));
        Assert.False(fd.Wait(TimeSpan.Zero, default));
        Assert.False(fd.Wait(TimeSpan.FromMilliseconds(1), default));
        fd.Signal();
        Assert.True(fd.Wait(TimeSpan.Zero, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Wait_TokenCancelled_ThrowsAndLeavesTheNextWaitAlone()
    {
        using var fd = new EventFd();
        using var source = new CancellationTokenSource();
        bool again = true;
        Task wait = OnThread(() =>
        {
            Assert.Equal(source.Token, Assert.Throws<OperationCanceledException>(() => fd.Wait(Timeout.InfiniteTimeSpan, source.Token)).CancellationToken);

            // The same thread waits with another token: the wake-up of the first is not left over.
            using var other = new CancellationTokenSource();
            again = fd.Wait(TimeSpan.FromMilliseconds(1), other.Token);
        });
        await source.CancelAsync();
        await wait.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.False(again);
        Assert.Throws<OperationCanceledException>(() => fd.Wait(TimeSpan.Zero, source.Token));
    }

    [Fact]
    public async Task Wait_OfManyThreads_EachRingWakesOne()
    {
        using var fd = new EventFd();
        using var woken = new SemaphoreSlim(0);
        Task[] waiters = [.. Enumerable.Range(0, 4).Select(_ => OnThread(() =>
        {
            Assert.True(fd.Wait(s_limit, default), "a ring was lost");
            woken.Release();
        }))];
        for (int i = 0; i < 4; i++)
        {
            fd.Signal();
            Assert.True(await woken.WaitAsync(s_limit, TestContext.Current.CancellationToken), "nobody woke for a ring");
        }

        await Task.WhenAll(waiters).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.False(fd.Wait(TimeSpan.Zero, default));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Dispose_WhileThreadsWait_EndsAllWaits(bool withToken)
    {
        for (int round = 0; round < 50; round++)
        {
            var fd = new EventFd();
            using var source = new CancellationTokenSource();
            CancellationToken token = withToken ? source.Token : default;
            using var start = new Barrier(5);
            Task[] waiters = [.. Enumerable.Range(0, 4).Select(_ => OnThread(() =>
            {
                start.SignalAndWait();
                Assert.Throws<ObjectDisposedException>(() => fd.Wait(Timeout.InfiniteTimeSpan, token));
            }))];
            start.SignalAndWait(TestContext.Current.CancellationToken);
            fd.Dispose();
            await Task.WhenAll(waiters).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void Dispose_Before_SignalIsNothingAndWaitThrows()
    {
        var fd = new EventFd();
        fd.Dispose();
        fd.Dispose();
        fd.Signal();
        Assert.Throws<ObjectDisposedException>(() => fd.Wait(TimeSpan.Zero, default));
        Assert.True(fd.Descriptor.IsClosed);
    }

    [Fact]
    public void Dispose_ByTwoThreads_UnregistersOnce()
    {
        // The second disposal comes while the first is in the middle of it: the kernel would refuse to unregister twice.
        int unregistered = 0;
        var fd = new EventFd
        {
            Unregister = fd =>
            {
                if (Interlocked.Increment(ref unregistered) == 1)
                {
                    Assert.True(OnThread(fd.Dispose).Wait(s_limit, TestContext.Current.CancellationToken), "the second disposal did not end in time");
                }
            },
        };
        fd.Dispose();
        Assert.Equal(1, unregistered);
    }

    [Fact]
    public void Dispose_HostRefusesToUnregister_EndsTheEventAllTheSame()
    {
        var fd = new EventFd { Unregister = static _ => throw KvmError.FromErrno("KVM_IOEVENTFD", LibC.ENOENT) };
        Assert.Throws<HypervisorException>(fd.Dispose);
        Assert.Throws<ObjectDisposedException>(() => fd.Wait(TimeSpan.Zero, default));
        Assert.True(fd.Descriptor.IsClosed);
    }

    [Fact]
    public void KickSignal_Choice_IsRealTimeAndNotTheRuntimesAndHarmless()
    {
        int number = KickSignal.Number;
        Assert.InRange(number, 36, 63);

        // Bit n-1 of SigCgt is set where the process handles signal n.
        string caught = File.ReadLines("/proc/self/status").Single(static line => line.StartsWith("SigCgt:", StringComparison.Ordinal))[7..].Trim();
        Assert.NotEqual(0UL, Convert.ToUInt64(caught, 16) & (1UL << (number - 1)));
        KickSignal.Send(LibC.gettid());
        KickSignal.Send(int.MaxValue);
    }

    private static Task OnThread(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
