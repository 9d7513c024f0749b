using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests;

/// <summary>The instruments of the meter "HvSdk" for virtio devices.</summary>
public sealed class MetricsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Instruments_AfterTraffic_HaveCounted(bool isPci)
    {
        using AnyBench bench = AnyBench.Create(isPci ? new MeteredOnPci() : new MeteredOnMmio(), isPci);
        string device = isPci ? nameof(MeteredOnPci) : nameof(MeteredOnMmio);
        bench.Driver.Start();
        for (int i = 0; i < 5; i++)
        {
            bench.Ask(0, [1, 2, 3], 8);
        }

        bench.Driver.Queues[0].Add(new DriverBuffer(ulong.MaxValue, 8, IsWritable: true));
        bench.Work();
        bench.Driver.Start(); // counts stay over resets
        bench.Ask(0, [1], 8);

        Dictionary<string, long> values = Read(device);

        Assert.Equal(6, values["hvsdk.virtio.requests"]);
        Assert.Equal(16, values["hvsdk.virtio.bytes from_guest"]);
        Assert.Equal(12, values["hvsdk.virtio.bytes to_guest"]);
        Assert.Equal(3, values["hvsdk.virtio.errors"]);
        Assert.Equal(7, values["hvsdk.virtio.interrupts"]);
        Assert.Equal(1, values["hvsdk.virtio.needs_reset"]);
        Assert.Equal(0, values["hvsdk.virtio.kicks"]); // the test is the worker
    }

    [Fact]
    public void Instruments_OfDevicesOfOneName_AreAddedUpAndStay()
    {
        using (AnyBench first = AnyBench.Create(new MeteredTwice(), isPci: false))
        {
            first.Driver.Start();
            first.Ask(0, [1, 2, 3], 8);
            using AnyBench second = AnyBench.Create(new MeteredTwice(), isPci: true);
            second.Driver.Start();
            second.Ask(0, [1, 2], 8);
            Check(requests: 2, bytes: 5, errors: 6);
        }

        Check(requests: 2, bytes: 5, errors: 6);
        using AnyBench third = AnyBench.Create(new MeteredTwice(), isPci: false);
        Check(requests: 2, bytes: 5, errors: 9);

        static void Check(long requests, long bytes, long errors)
        {
            Dictionary<string, long> values = Read(nameof(MeteredTwice));
            Assert.Equal(
                (requests, bytes, errors), (values["hvsdk.virtio.requests"], values["hvsdk.virtio.bytes from_guest"], values["hvsdk.virtio.errors"]));
        }
    }

    [Fact]
    public void Instruments_OfADeviceThatIsNeverEnded_StayWhenItIsCollected()
    {
        WeakReference device = Leak(out Dictionary<string, long> before);
        for (int i = 0; i < 10 && device.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(device.IsAlive);
        Assert.Equal(1, before["hvsdk.virtio.requests"]);
        Assert.Equal(before, Read(nameof(MeteredForgotten)));
        using AnyBench next = AnyBench.Create(new MeteredForgotten(), isPci: false);
        Dictionary<string, long> after = Read(nameof(MeteredForgotten));
        Assert.Equal((1, 6), (after["hvsdk.virtio.requests"], after["hvsdk.virtio.errors"]));
    }

    [Fact]
    public void Kicks_OfADriver_AreCounted()
    {
        using var bench = new VirtioBench(new VirtioMmio(new MeteredWorker()));
        bench.Driver.Start();

        bench.Driver.Queues[0].Exchange([1], 8);

        Assert.InRange(Read(nameof(MeteredWorker))["hvsdk.virtio.kicks"], 1, 100);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Leak(out Dictionary<string, long> values)
    {
        var device = new MeteredForgotten();
        AnyBench bench = AnyBench.Create(device, isPci: false);
        bench.Driver.Start();
        bench.Ask(0, [1, 2, 3], 8);
        values = Read(nameof(MeteredForgotten));
        return new WeakReference(device);
    }

    /// <summary>What the instruments say of a kind of device.</summary>
    private static Dictionary<string, long> Read(string device)
    {
        Dictionary<string, long> values = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == "HvSdk" && instrument.Name.StartsWith("hvsdk.virtio.", StringComparison.Ordinal))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var all = tags.ToArray().ToDictionary(static tag => tag.Key, static tag => tag.Value);
            if ((string?)all["device"] == device)
            {
                Assert.Equal("device", all["name"]);
                values.Add(all.TryGetValue("direction", out object? direction) ? $"{instrument.Name} {direction}" : instrument.Name, value);
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return values;
    }

    private abstract class Metered : VirtioDevice
    {
        public override uint DeviceId => 0x3F;

        public override IReadOnlyList<int> QueueSizes { get; } = [16];

        protected internal override long Errors => 3;

        protected internal override void Process(Virtqueue queue)
        {
            while (queue.TryTake(out DescriptorChain? chain))
            {
                queue.Complete(chain, chain.Write(0, [1, 2]));
            }
        }
    }

    private sealed class MeteredOnMmio : Metered;

    private sealed class MeteredOnPci : Metered;

    private sealed class MeteredTwice : Metered;

    private sealed class MeteredForgotten : Metered;

    private sealed class MeteredWorker : Metered;
}
