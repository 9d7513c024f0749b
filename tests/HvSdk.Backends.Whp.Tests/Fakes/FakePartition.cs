using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp.Tests.Fakes;

/// <summary>A partition of the <see cref="FakePlatform"/>.</summary>
internal sealed class FakePartition(nint handle)
{
    internal nint Handle { get; } = handle;

    internal bool IsSetUp { get; set; }

    internal Dictionary<WHV_PARTITION_PROPERTY_CODE, byte[]> Properties { get; } = [];

    internal SortedDictionary<ulong, (ulong Size, WHV_MAP_GPA_RANGE_FLAGS Flags)> Mapped { get; } = [];

    internal Dictionary<uint, FakeProcessor> Processors { get; } = [];

    internal FakeProcessor Processor => Processors[0];

    internal ulong Property(WHV_PARTITION_PROPERTY_CODE code)
    {
        byte[] bytes = Properties[code];
        return bytes.Length == sizeof(uint) ? BitConverter.ToUInt32(bytes) : BitConverter.ToUInt64(bytes);
    }
}
