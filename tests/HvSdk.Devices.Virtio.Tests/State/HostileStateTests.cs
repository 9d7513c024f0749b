using System.Text.Json;
using System.Text.Json.Nodes;
using HvSdk.Devices.Virtio.Tests.Hostile;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.State;

/// <summary>States that no device has saved: each is refused by a sentence that names the field, and leaves a device as after a reset; or it is one, and does no harm.</summary>
public sealed class HostileStateTests
{
    public static TheoryData<string, string> Lies => new()
    {
        { "Device.Version = 2", "Version is 2" },
        { "Device.DeviceId = 4", "DeviceId is 4" },
        { "Device.Status = 7", "DRIVER_OK without FEATURES_OK" },
        { "Device.DriverFeatures = 2", "DriverFeatures is 0x2" },
        { "Device.DriverFeatures = 0", "DriverFeatures is 0x0" },
        { "Device.Queues = []", "Queues has 0 elements" },
        { "Device.Queues[0] = null", "Queues[0] is null" },
        { "Device.Queues[0].Size = -1", "Queues[0]" },
        { "Device.Queues[0].Size = 32", "Queues[0]: A size of 32" },
        { "Device.Queues[0].Size = 0", "Queues[0]: A size of 0" },
        { "Device.Queues[0].Descriptors = 1", "not multiples" },
        { "Device.Queues[0].Descriptors = 1099511627776", "not in memory" },
        { "Device.Queues[0].DeviceArea = 18446744073709551600", "not in memory" },
        { "Device.Queues[0].NextAvailable = 40000", "NextAvailable is" },
        { "Device.Queues[0].NextUsed = 40000", "NextUsed" },
        { "Device.Queues[0].InFlight = null", "InFlight" },
        { "Device.Queues[0].InFlight = []", "in flight" },
        { "Device.Queues[0].InFlight[0] = null", "InFlight" },
        { "Device.Queues[0].InFlight[0].RingEntries = 0", "0 entries" },
        { "Device.Queues[0].InFlight[0].RingEntries = 17", "17 entries" },
        { "Device.Queues[0].InFlight[0].Written = 1", "given back already" },
        { "Device.Queues[0].InFlight[0].Buffers = []", "0 buffers" },
        { "Device.Queues[0].InFlight[0].Buffers[0].Address = 1099511627776", "not in memory" },
        { "Device.Queues[0].InFlight[0].Buffers[0].Length = 4294967295", "not in memory" },
        { "Device.Queues[0].InFlight[0].Buffers[0].IsWritable = true", "behind one to write" },
        { "Device.Device = {\"kind\":\"block\"}", "keeps nothing" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void Field_ThatCannotBe_IsNamed(string lie, string expected)
    {
        ArgumentNullException.ThrowIfNull(lie);
        foreach (ulong features in new[] { 0UL, VirtioDriverFeatures.PackedRing })
        {
            foreach (bool isPci in new[] { false, true })
            {
                using AnyBench bench = AnyBench.Create(new EchoDevice(), isPci);
                JsonNode state = Save(bench, features);
                string[] parts = lie.Split(" = ");
                StateText.Change(state, parts[0], JsonNode.Parse(parts[1]));

                ArgumentException exception = Assert.Throws<ArgumentException>(() => bench.LoadState(state.ToJsonString()));

                Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
                AssertWorks(bench, features);
            }
        }
    }

    [Fact]
    public void Id_BeyondASplitQueue_IsRefused()
    {
        using AnyBench bench = AnyBench.Create(new EchoDevice(), isPci: false);
        JsonNode state = Save(bench, 0);
        StateText.Change(state, "Device.Queues[0].InFlight[0].Id", 16);

        Assert.Contains("ID 16", Assert.Throws<ArgumentException>(() => bench.LoadState(state.ToJsonString())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("InterruptStatus", 4, false)]
    [InlineData("Isr", 4, true)]
    [InlineData("ConfigurationVector", 2, true)]
    [InlineData("QueueVectors[0]", 2, true)]
    [InlineData("QueueVectors", null, true)]
    public void Field_OfATransport_IsNamed(string field, int? value, bool isPci)
    {
        using AnyBench bench = AnyBench.Create(new EchoDevice(), isPci);
        JsonNode state = Save(bench, 0);
        StateText.Change(state, field, value is { } number ? number : null);

        Assert.Contains(field, Assert.Throws<ArgumentException>(() => bench.LoadState(state.ToJsonString())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(VirtioDriverFeatures.PackedRing)]
    [InlineData(VirtioDriverFeatures.PackedRing | VirtioDriverFeatures.InOrder)]
    public void Fields_AtRandom_AreRefusedOrHarmless(ulong features)
    {
        var random = new Random(unchecked((int)features) + 3);
        int refused = 0;
        for (int round = 0; round < 400; round++)
        {
            using AnyBench bench = AnyBench.Create(new EchoDevice(), random.Next(2) == 0);
            JsonNode state = Save(bench, features);
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                StateText.ChangeAny(state, random);
            }

            try
            {
                bench.LoadState(state.ToJsonString());
                bench.Work();
            }
            catch (Exception e) when (e is ArgumentException or JsonException)
            {
                refused++;
            }

            bench.Resume();
            AssertWorks(bench, features);
        }

        Assert.InRange(refused, 50, 399);
    }

    [Theory]
    [MemberData(nameof(HostileRunTests.Kinds), MemberType = typeof(HostileRunTests))]
    public void Fields_OfADevice_AreRefusedOrHarmless(string kind)
    {
        var random = new Random(17);
        int refused = 0;
        for (int round = 0; round < 150; round++)
        {
            using HostileSubject subject = HostileSubject.Create(kind, random);
            bool wasRefused = new HostileCase(subject, random.Next(2) == 0, VirtioDriverFeatures.IndirectDescriptors, random).LoadChanged();
            refused += wasRefused ? 1 : 0;
        }

        Assert.InRange(refused, 10, 150);
    }

    /// <summary>A state with two chains in flight.</summary>
    private static JsonNode Save(AnyBench bench, ulong features)
    {
        bench.Driver.Start(features);
        ((EchoDevice)bench.Endpoint.Device).Keeps = true;
        for (int i = 0; i < 2; i++)
        {
            bench.Driver.Queues[0].Add(new DriverBuffer(bench.Arena.Allocate([1]), 1, IsWritable: false), new DriverBuffer(bench.Arena.Allocate(2), 2, IsWritable: false), new DriverBuffer(bench.Arena.Allocate(8), 8, IsWritable: true));
        }

        bench.Work();
        bench.Pause();
        string state = bench.SaveState();
        bench.Replace(new EchoDevice());
        return JsonNode.Parse(state)!;
    }

    private static void AssertWorks(AnyBench bench, ulong features)
    {
        bench.Driver.Start(features);
        Assert.Equal([3], bench.Ask(0, [3], 4));
    }
}
