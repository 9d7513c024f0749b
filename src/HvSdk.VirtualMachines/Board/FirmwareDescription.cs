using System.Buffers.Binary;
using HvSdk.Boot;
using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines;

/// <summary>What a firmware is told of its machine through fw_cfg (QEMU's docs/specs/fw_cfg, and what SeaBIOS and OVMF look for).</summary>
internal sealed class FirmwareDescription(FirmwareConfiguration device)
{
    private const int MapEntrySize = 20;

    public void Describe(MachinePlan plan, MachineTables tables, int processors, IEnumerable<Action<FirmwareConfiguration>> further)
    {
        device.Add(FirmwareConfigurationKey.RamSize, Bytes(plan.Ram.Size, sizeof(ulong)));
        device.Add(FirmwareConfigurationKey.ProcessorCount, Bytes((ulong)processors, sizeof(ushort)));
        device.Add(FirmwareConfigurationKey.MaxProcessorCount, Bytes((ulong)processors, sizeof(ushort)));

        // What is RAM; the firmware knows a PC's own holes itself.
        byte[] e820 = new byte[plan.Ram.Ranges.Count() * MapEntrySize];
        int offset = 0;
        foreach (MemoryRange range in plan.Ram.Ranges)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(e820.AsSpan(offset), range.Address);
            BinaryPrimitives.WriteUInt64LittleEndian(e820.AsSpan(offset + 8), range.Size);
            BinaryPrimitives.WriteUInt32LittleEndian(e820.AsSpan(offset + 16), (uint)MemoryMapKind.Usable);
            offset += MapEntrySize;
        }

        device.Add("etc/e820", e820);
        foreach (FirmwareFile file in tables.FirmwareFiles)
        {
            device.Add(file.Name, file.Content);
        }

        foreach (Action<FirmwareConfiguration> add in further)
        {
            try
            {
                add(device);
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                plan.Problems.Add($"The firmware configuration cannot be as {nameof(VirtualMachineBuilder.ConfigureFirmware)} asks: {e.Message} The machine's own items have theirs: choose another.");
            }
        }
    }

    private static byte[] Bytes(ulong value, int size)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes[..size];
    }
}
