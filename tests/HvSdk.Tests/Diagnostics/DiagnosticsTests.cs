using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using HvSdk.Testing;
using Microsoft.Extensions.Logging;

namespace HvSdk.Tests.Diagnostics;

/// <summary>The meter is one for the process: these tests run while no other does.</summary>
[CollectionDefinition(nameof(DiagnosticsTests), DisableParallelization = true)]
public sealed class DiagnosticsCollection;

[Collection(nameof(DiagnosticsTests))]
public sealed class DiagnosticsTests
{
    [Fact]
    public void Meter_RunsAndDisposal_CountsStay()
    {
        Dictionary<string, long> before = ReadMeter();
        using (ScriptedMachine machine = new())
        {
            machine.Script.PortWrite(0x80, 1).PortRead(0x80, out _).MmioWrite(0, 1).Do(() => machine.Partition.Vcpus[0].Cancel()).Halt();
            using Vcpu vcpu = machine.Partition.CreateVcpu(0);
            Assert.Equal(VcpuExitKind.Canceled, vcpu.Run().Kind);
            Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
            Check(partitions: 1);
        }

        Check(partitions: 0);

        void Check(long partitions)
        {
            Dictionary<string, long> now = ReadMeter();
            Assert.Equal(1, Grown("hvsdk.vcpu.exits PortWrite"));
            Assert.Equal(1, Grown("hvsdk.vcpu.exits PortRead"));
            Assert.Equal(1, Grown("hvsdk.vcpu.exits MmioWrite"));
            Assert.Equal(1, Grown("hvsdk.vcpu.exits Halt"));
            Assert.Equal(1, Grown("hvsdk.vcpu.exits Canceled"));
            Assert.Equal(1, Grown("hvsdk.vcpu.kicks"));
            Assert.Equal(1, Grown("hvsdk.bus.unhandled read"));
            Assert.Equal(2, Grown("hvsdk.bus.unhandled write"));
            Assert.Equal(partitions, Grown("hvsdk.partitions"));

            long Grown(string name) => now.GetValueOrDefault(name) - before.GetValueOrDefault(name);
        }
    }

    [Fact]
    public async Task Meter_WhileVcpusComeAndGo_NeverFalls()
    {
        using ScriptedMachine machine = new();
        using var stop = new CancellationTokenSource();
        Task reader = Limits.OnThread(() =>
        {
            long last = 0;
            while (!stop.IsCancellationRequested)
            {
                long now = ReadMeter().GetValueOrDefault("hvsdk.vcpu.exits Halt");
                Assert.True(now >= last, $"the counter fell from {last} to {now}");
                last = now;
            }
        });
        for (int i = 0; i < 10_000; i++)
        {
            using Partition partition = machine.Hypervisor.CreatePartition();
            using Vcpu vcpu = partition.CreateVcpu(0);
            Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
        }

        await stop.CancelAsync();
        await reader.Within("the reader");
    }

    [Fact]
    public void Meter_PartitionThatIsNeverDisposed_IsCollectedAndItsCountsStay()
    {
        Dictionary<string, long> before = ReadMeter();
        WeakReference partition = Leak();
        for (int i = 0; i < 10 && partition.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(partition.IsAlive);

        // Counted once and no less, whether its finalizer has run yet or not.
        Check();
        GC.WaitForPendingFinalizers();
        Check();

        void Check()
        {
            Dictionary<string, long> now = ReadMeter();
            Assert.Equal(1, Grown("hvsdk.vcpu.exits PortWrite"));
            Assert.Equal(1, Grown("hvsdk.vcpu.exits Canceled"));
            Assert.Equal(1, Grown("hvsdk.vcpu.kicks"));
            Assert.Equal(1, Grown("hvsdk.bus.unhandled write"));

            long Grown(string name) => now.GetValueOrDefault(name) - before.GetValueOrDefault(name);
        }
    }

    [Fact]
    public void Activities_CreationAndRuns_HaveTheirTags()
    {
        var stopped = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "HvSdk",
            Sample = static (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using ScriptedMachine machine = new(new() { Name = "traced", MaxVcpus = 2 });
        machine.Backend.Vcpu(1).PortWrite(0x80, 1).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(1);
        vcpu.RunOnce();
        vcpu.Run();
        Assert.Equal(["hvsdk.partition.create", "hvsdk.vcpu.run"], stopped.Select(static activity => activity.OperationName));
        Activity[] activities = [.. stopped];
        Assert.Equal("Scripted", activities[0].GetTagItem("hvsdk.backend"));
        Assert.Equal("traced", activities[1].GetTagItem("hvsdk.partition"));
        Assert.Equal(1, activities[1].GetTagItem("hvsdk.vcpu.index"));
    }

    [Fact]
    public void Logging_LifeOfAPartition_IsToldOnce()
    {
        using var log = new ListLogger();
        var absent = new ScriptedBackend();
        absent.MakeUnavailable("It is off.", "Switch it on.");
        var backend = new ScriptedBackend();
        backend.Vcpu(0).PortRead(0x80, out _).Halt();
        using (Hypervisor hypervisor = Hypervisor.Open(log, absent, backend))
        using (Partition partition = hypervisor.CreatePartition(new() { Name = "logged" }))
        using (Vcpu vcpu = partition.CreateVcpu(0))
        {
            vcpu.Run();
        }

        Assert.Equal(
            [
                "HvSdk Warning BackendUnavailable: Scripted is not available. It is off. Switch it on.",
                "HvSdk Information HypervisorOpened: Opened Scripted: a script of exits",
                "HvSdk Debug PartitionCreated: Created partition logged: interrupt controller None, up to 1 vCPUs",
                "HvSdk Debug PartitionDisposed: Disposed of partition logged",
            ],
            log.Lines);
    }

    [Fact]
    public void Statistic_OfAHistogram_HasNoSingleValue()
    {
        Assert.Equal(5UL, new HostStatistic("exits", [5], "", 0, 10).Value);
        Assert.Contains("histogram of 2 buckets", Assert.Throws<InvalidOperationException>(() => new HostStatistic("wait", [1, 2], "seconds", -9, 10).Value).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_OfAHostWithoutAny_AreEmpty()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Empty(machine.Partition.ReadHostStatistics());
        Assert.Empty(vcpu.ReadHostStatistics());
        Assert.Equal(0, vcpu.Statistics.ExitsOf((VcpuExitKind)999));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Leak()
    {
        var backend = new ScriptedBackend();
        Partition partition = Hypervisor.Open(backend).CreatePartition();
        backend.Vcpu(0).PortWrite(0x80, 1).Do(() => partition.Vcpus[0].Cancel());
        Assert.Equal(VcpuExitKind.Canceled, partition.CreateVcpu(0).Run().Kind);
        return new WeakReference(partition);
    }

    /// <summary>Reads all instruments now; the value of a tag follows the name.</summary>
    private static Dictionary<string, long> ReadMeter()
    {
        var values = new Dictionary<string, long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == "HvSdk")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            values[tags.Length == 0 ? instrument.Name : $"{instrument.Name} {tags[0].Value}"] = value);
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => values[instrument.Name] = value);
        listener.Start();
        listener.RecordObservableInstruments();
        return values;
    }

    private sealed class ListLogger : ILoggerFactory, ILogger
    {
        private string _category = "";

        internal List<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName)
        {
            _category = categoryName;
            return this;
        }

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add($"{_category} {logLevel} {eventId.Name}: {formatter(state, exception)}");

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }
    }
}
