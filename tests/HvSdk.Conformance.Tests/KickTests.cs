using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Kicks in great number: each must end a run. HVSDK_KICKS says how many; HVSDK_LONG=1 makes it a million.</summary>
public sealed class KickTests
{
    private static int Count => Repetitions.Get("HVSDK_KICKS", 20_000, 1_000_000);

    [Theory]
    [InlineData(SpinAt.Kernel)]
    [InlineData(SpinAt.User)]
    public void Cancel_OneAfterTheOther_EachEndsARun(SpinAt place) => KickAll(place, Count, isLoaded: false);

    [Theory]
    [InlineData(SpinAt.Kernel)]
    [InlineData(SpinAt.User)]
    public void Cancel_UnderGarbageCollection_EachEndsARun(SpinAt place) => KickAll(place, int.Max(1, Count / 10), isLoaded: true);

    [Fact]
    public void Cancel_FromManyThreads_EachIsFollowedByAnEndOfRun()
    {
        const int threads = 8;
        int kicksPerThread = int.Max(1, Count / 100);
        using var machine = new TestMachine();
        var runs = new RunCounter();
        (Vcpu vcpu, Task<long> running) = SpinningGuest.Start(machine, SpinAt.User, runs.RunUntilStopped);

        Task[] kickers = [.. Enumerable.Range(0, threads).Select(i => Start(() =>
        {
            for (int k = 0; k < kicksPerThread; k++)
            {
                runs.KickAndWait(vcpu, delay: k + i);
            }
        }))];
        foreach (Task kicker in kickers)
        {
            Limit.Await(kicker, "a thread that kicks");
        }

        long ended = runs.Stop(vcpu, running);

        // Kicks before the same return are one, so there may be fewer ends of runs than kicks, and never more.
        Assert.InRange(ended, kicksPerThread, (threads * kicksPerThread) + 1);
    }

    private static void KickAll(SpinAt place, int count, bool isLoaded)
    {
        using var machine = new TestMachine();
        using var load = new CancellationTokenSource();
        Task[] loaders = isLoaded ? [Start(() => Allocate(load.Token)), Start(() => Collect(load.Token))] : [];
        var runs = new RunCounter();
        (Vcpu vcpu, Task<long> running) = SpinningGuest.Start(machine, place, runs.RunUntilStopped);

        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            runs.KickAndWait(vcpu, delay: i);
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        long ended = runs.Stop(vcpu, running);
        load.Cancel();
        foreach (Task loader in loaders)
        {
            Limit.Await(loader, "the load to end");
        }

        Assert.Equal(count + 1, ended);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{count} kicks, none lost, in {elapsed.TotalSeconds:0.0} s: {elapsed.TotalMicroseconds / count:0.0} us each");
    }

    private static Task Start(Action body) => Task.Factory.StartNew(body, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static void Allocate(CancellationToken end)
    {
        byte[][] kept = new byte[64][];
        for (int i = 0; !end.IsCancellationRequested; i++)
        {
            kept[i % kept.Length] = new byte[1000 + (i % 5000)];
            if (i % 1000 == 0 && Environment.ProcessorCount == 1)
            {
                Thread.Sleep(1); // the only processor is also the run's, and the kicker's
            }
        }
    }

    /// <summary>Collects all the time, but for a moment in between: without one, no other thread of the process would ever run.</summary>
    private static void Collect(CancellationToken end)
    {
        TimeSpan rest;
        do
        {
            long start = Stopwatch.GetTimestamp();
            GC.Collect();
            rest = TimeSpan.FromMilliseconds(Environment.ProcessorCount > 1 ? 1 : double.Max(1, Stopwatch.GetElapsedTime(start).TotalMilliseconds));
        }
        while (!end.WaitHandle.WaitOne(rest));
    }

    /// <summary>The thread that runs, and those that kick it.</summary>
    private sealed class RunCounter
    {
        private long _ended;
        private volatile bool _stopped;

        public long RunUntilStopped(Vcpu vcpu)
        {
            bool isLast;
            do
            {
                Assert.Equal(VcpuExitKind.Canceled, vcpu.RunOnce().Kind);

                // Looked at before the end is told: who hears of it and then stops, stops the run after it.
                isLast = _stopped;
                Volatile.Write(ref _ended, _ended + 1);
            }
            while (!isLast);

            return _ended;
        }

        /// <summary>Kicks, a little later each time so that the kick meets the run at every stage, and waits for a run to end.</summary>
        public void KickAndWait(Vcpu vcpu, int delay)
        {
            Thread.SpinWait(delay & 0x3F);
            long before = Volatile.Read(ref _ended);
            vcpu.Cancel();
            var spinner = default(SpinWait);
            long start = 0;
            while (Volatile.Read(ref _ended) == before)
            {
                spinner.SpinOnce(sleep1Threshold: -1);
                if (spinner.Count % 1024 != 0)
                {
                    continue;
                }

                start = start == 0 ? Stopwatch.GetTimestamp() : start;
                if (Stopwatch.GetElapsedTime(start) > Limit.Value)
                {
                    throw Limit.Exceeded($"a run to end after kick {before + 1}");
                }
            }
        }

        public long Stop(Vcpu vcpu, Task<long> running)
        {
            _stopped = true;
            vcpu.Cancel();
            return Limit.Await(running, "the last run");
        }
    }
}
