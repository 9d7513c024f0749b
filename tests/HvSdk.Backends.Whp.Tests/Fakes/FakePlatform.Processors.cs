using System.Runtime.InteropServices;
using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp.Tests.Fakes;

/// <content>Virtual processors.</content>
internal sealed unsafe partial class FakePlatform
{
    private const int Alignment = 16;

    [UnmanagedCallersOnly]
    private static int CreateVirtualProcessor(nint handle, uint index, uint flags)
    {
        if (Enter(nameof(WhvFunctions.WHvCreateVirtualProcessor), out int result))
        {
            return result;
        }

        FakePartition partition = FindPartition(handle)!;
        if (!partition.IsSetUp || flags != 0)
        {
            return Fault("a processor before the setup");
        }

        return partition.Processors.TryAdd(index, new FakeProcessor(partition, index)) ? 0 : HRESULTS.WHV_E_VP_ALREADY_EXISTS;
    }

    [UnmanagedCallersOnly]
    private static int DeleteVirtualProcessor(nint handle, uint index)
    {
        Enter(nameof(WhvFunctions.WHvDeleteVirtualProcessor), out _);
        return FindPartition(handle)!.Processors.Remove(index) ? 0 : Fault("deleted a processor that does not exist");
    }

    [UnmanagedCallersOnly]
    private static int RunVirtualProcessor(nint handle, uint index, void* context, uint size)
    {
        if (Enter(nameof(WhvFunctions.WHvRunVirtualProcessor), out int result))
        {
            return result;
        }

        if ((nint)context % Alignment != 0 || size != sizeof(WHV_RUN_VP_EXIT_CONTEXT))
        {
            return Fault($"exit block of {size} bytes at 0x{(nint)context:X}");
        }

        // Poison: what the platform does not write holds nothing.
        new Span<byte>(context, (int)size).Fill(0xCC);
        return FindProcessor(handle, index)!.Run((WHV_RUN_VP_EXIT_CONTEXT*)context);
    }

    [UnmanagedCallersOnly]
    private static int CancelRunVirtualProcessor(nint handle, uint index, uint flags)
    {
        Enter(nameof(WhvFunctions.WHvCancelRunVirtualProcessor), out _);
        if (FindProcessor(handle, index) is not { } processor || flags != 0)
        {
            return Fault("cancelled a processor that does not exist");
        }

        processor.Cancel();
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int GetVirtualProcessorRegisters(nint handle, uint index, WHV_REGISTER_NAME* names, uint count, WHV_REGISTER_VALUE* values)
    {
        if (Enter(nameof(WhvFunctions.WHvGetVirtualProcessorRegisters), out int result))
        {
            return result;
        }

        if ((nint)values % Alignment != 0 || count == 0)
        {
            return Fault($"{count} register values at 0x{(nint)values:X}");
        }

        FakeProcessor processor = FindProcessor(handle, index)!;
        for (int i = 0; i < count; i++)
        {
            if (Current.UnknownRegisters.Contains(names[i]))
            {
                return HRESULTS.WHV_E_INVALID_VP_REGISTER_NAME;
            }

            values[i] = processor.Registers.GetValueOrDefault(names[i]);
        }

        return 0;
    }

    [UnmanagedCallersOnly]
    private static int SetVirtualProcessorRegisters(nint handle, uint index, WHV_REGISTER_NAME* names, uint count, WHV_REGISTER_VALUE* values)
    {
        if (Enter(nameof(WhvFunctions.WHvSetVirtualProcessorRegisters), out int result))
        {
            return result;
        }

        if ((nint)values % Alignment != 0 || count == 0)
        {
            return Fault($"{count} register values at 0x{(nint)values:X}");
        }

        FakeProcessor processor = FindProcessor(handle, index)!;
        processor.Writes.Add(new ReadOnlySpan<WHV_REGISTER_NAME>(names, (int)count).ToArray());
        for (int i = 0; i < count; i++)
        {
            if (Current.UnknownRegisters.Contains(names[i]))
            {
                return HRESULTS.WHV_E_INVALID_VP_REGISTER_NAME;
            }

            processor.Registers[names[i]] = values[i];
        }

        return 0;
    }
}
