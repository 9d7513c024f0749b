using System.Buffers.Binary;
using static HvSdk.Devices.Emulated.GicBits;

namespace HvSdk.Devices.Emulated;

/// <content>The registers in memory (Arm IHI 0069H, 12.8 to 12.11).</content>
public sealed partial class GicV3
{
    /// <summary>The affinity fields of GICD_IROUTER without Aff3, which no processor here has; 1 of N (bit 31) is not there (GICD_TYPER.No1N).</summary>
    private const ulong RouteMask = 0x00FF_FFFF;

    private uint ReadDistributor(uint offset) => offset switch
    {
        DistributorControl => _control | AffinityRouting | DisableSecurity,
        DistributorType => (uint)_shared.Words | (IdBits << IdBitsShift) | NoOneOfN,
        DistributorImplementer => Implementer,
        PeripheralId2 => PeripheralId2Value,
        >= Routes and < RoutesEnd => ReadRoute(offset),
        _ => _shared.Read(offset, 1), // the first word is the redistributors'
    };

    private void WriteDistributor(uint offset, uint value)
    {
        if (offset == DistributorControl)
        {
            _control = value & (EnableGroup0 | EnableGroup1);
        }
        else if (offset is >= Routes and < RoutesEnd)
        {
            WriteRoute(offset, value);
        }
        else
        {
            _shared.Write(offset, 1, value);
        }

        UpdateAll();
    }

    private uint ReadRoute(uint offset)
    {
        int line = (int)((offset - Routes) / sizeof(ulong)) - PrivateCount;
        return (uint)line < (uint)_routes.Length ? (uint)(_routes[line] >> (int)(8 * (offset % sizeof(ulong)))) : 0;
    }

    private void WriteRoute(uint offset, uint value)
    {
        int line = (int)((offset - Routes) / sizeof(ulong)) - PrivateCount;
        if ((uint)line < (uint)_routes.Length && offset % sizeof(ulong) == 0) // the upper half has no bits
        {
            SetRoute(line, value);
        }
    }

    private void SetRoute(int line, ulong affinity)
    {
        affinity &= RouteMask;
        _routes[line] = affinity;
        uint bit = 1u << (line % WordBits);
        foreach (GicProcessor processor in _processors)
        {
            ref uint routed = ref processor.Routed[line / WordBits];
            routed = processor.Affinity == affinity ? routed | bit : routed & ~bit;
        }
    }

    private uint ReadRedistributor(GicProcessor processor, uint offset) => offset switch
    {
        RedistributorImplementer => Implementer,
        RedistributorType => ((uint)processor.Index << ProcessorNumberShift) | (processor.Index == _processors.Length - 1 ? LastRedistributor : 0),
        RedistributorType + sizeof(uint) => (uint)((processor.Affinity & RouteMask) | (processor.Affinity >> 32 << 24)),
        Waker => processor.IsAsleep ? ProcessorSleep | ChildrenAsleep : 0,
        PeripheralId2 or SgiFrame + PeripheralId2 => PeripheralId2Value,
        >= SgiFrame => processor.Private.Read(offset - SgiFrame, 0),
        _ => 0,
    };

    private void WriteRedistributor(GicProcessor processor, uint offset, uint value)
    {
        if (offset == Waker)
        {
            processor.IsAsleep = (value & ProcessorSleep) != 0;
        }
        else if (offset >= SgiFrame)
        {
            processor.Private.Write(offset - SgiFrame, 0, value);
            Update(processor);
        }
    }

    /// <summary>
    /// A frame takes words, pairs of words, and single bytes of priorities, each at a multiple of its size (12.1.3). Any other access reads zero and writes nothing.
    /// </summary>
    private static void Access<TFrame>(TFrame frame, uint offset, Span<byte> data)
        where TFrame : IFrame
    {
        data.Clear();
        if (data.Length is sizeof(uint) or sizeof(ulong) && offset % (uint)data.Length == 0)
        {
            for (int i = 0; i < data.Length; i += sizeof(uint))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(data[i..], frame.ReadWord(offset + (uint)i));
            }
        }
        else if (data.Length == sizeof(byte))
        {
            data[0] = frame.ReadPriority(offset);
        }
    }

    private static void Access<TFrame>(TFrame frame, uint offset, ReadOnlySpan<byte> data)
        where TFrame : IFrame
    {
        if (data.Length is sizeof(uint) or sizeof(ulong) && offset % (uint)data.Length == 0)
        {
            for (int i = 0; i < data.Length; i += sizeof(uint))
            {
                frame.WriteWord(offset + (uint)i, BinaryPrimitives.ReadUInt32LittleEndian(data[i..]));
            }
        }
        else if (data.Length == sizeof(byte))
        {
            frame.WritePriority(offset, data[0]);
        }
    }

    private interface IFrame
    {
        uint ReadWord(uint offset);

        void WriteWord(uint offset, uint value);

        byte ReadPriority(uint offset);

        void WritePriority(uint offset, byte value);
    }

    private sealed class DistributorFrame(GicV3 gic) : IBusDevice, IFrame
    {
        public void Read(ulong offset, Span<byte> data)
        {
            lock (gic._gate)
            {
                Access(this, (uint)(offset % Arm64GicLayout.DistributorSize), data);
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            lock (gic._gate)
            {
                Access(this, (uint)(offset % Arm64GicLayout.DistributorSize), data);
            }
        }

        public uint ReadWord(uint offset) => gic.ReadDistributor(offset);

        public void WriteWord(uint offset, uint value) => gic.WriteDistributor(offset, value);

        public byte ReadPriority(uint offset) => offset is >= Priority and < PriorityEnd ? gic._shared.ReadPriority(offset, 1) : (byte)0;

        public void WritePriority(uint offset, byte value)
        {
            if (offset is >= Priority and < PriorityEnd)
            {
                gic._shared.WritePriority(offset, 1, value);
                gic.UpdateAll();
            }
        }
    }

    private sealed class RedistributorFrames(GicV3 gic) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
            if (offset / Arm64GicLayout.RedistributorSize < (ulong)gic._processors.Length)
            {
                lock (gic._gate)
                {
                    Access(FrameOf(offset), (uint)(offset % Arm64GicLayout.RedistributorSize), data);
                }
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            if (offset / Arm64GicLayout.RedistributorSize < (ulong)gic._processors.Length)
            {
                lock (gic._gate)
                {
                    Access(FrameOf(offset), (uint)(offset % Arm64GicLayout.RedistributorSize), data);
                }
            }
        }

        private RedistributorFrame FrameOf(ulong offset) => new(gic, gic._processors[(int)(offset / Arm64GicLayout.RedistributorSize)]);
    }

    private readonly struct RedistributorFrame(GicV3 gic, GicProcessor processor) : IFrame
    {
        public uint ReadWord(uint offset) => gic.ReadRedistributor(processor, offset);

        public void WriteWord(uint offset, uint value) => gic.WriteRedistributor(processor, offset, value);

        public byte ReadPriority(uint offset) => IsPriority(offset) ? processor.Private.ReadPriority(offset - SgiFrame, 0) : (byte)0;

        public void WritePriority(uint offset, byte value)
        {
            if (IsPriority(offset))
            {
                processor.Private.WritePriority(offset - SgiFrame, 0, value);
                gic.Update(processor);
            }
        }

        private static bool IsPriority(uint offset) => offset is >= SgiFrame + Priority and < SgiFrame + Priority + PrivateCount;
    }
}
