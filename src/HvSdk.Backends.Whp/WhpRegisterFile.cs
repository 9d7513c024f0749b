using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Registers of one virtual processor, in batches through its aligned memory. One thread at a time.</summary>
internal sealed unsafe class WhpRegisterFile(WhvPartition partition, uint index, WhvScratch scratch)
{
    // SAFETY: the vCPU keeps the memory until it is gone, and no register is asked for after that.
    private readonly WHV_REGISTER_NAME* _names = scratch.Names;
    private readonly WHV_REGISTER_VALUE* _values = scratch.Values;

    /// <summary>Names of the next batch; the caller fills as many as it asks for.</summary>
    internal Span<WHV_REGISTER_NAME> Names => new(_names, WhvScratch.Capacity);

    /// <summary>Values of the last or next batch.</summary>
    internal Span<WHV_REGISTER_VALUE> Values => new(_values, WhvScratch.Capacity);

    internal int TryGet(int count) => partition.Functions.WHvGetVirtualProcessorRegisters(partition.Number, index, _names, (uint)count, _values);

    internal int TrySet(int count) => partition.Functions.WHvSetVirtualProcessorRegisters(partition.Number, index, _names, (uint)count, _values);

    internal void Get(int count) => WhpError.Check(TryGet(count), nameof(WhvFunctions.WHvGetVirtualProcessorRegisters));

    internal void Set(int count) => WhpError.Check(TrySet(count), nameof(WhvFunctions.WHvSetVirtualProcessorRegisters));

    internal void Get(ReadOnlySpan<WHV_REGISTER_NAME> names)
    {
        names.CopyTo(Names);
        Get(names.Length);
    }

    internal int TryGet(WHV_REGISTER_NAME name, out WHV_REGISTER_VALUE value)
    {
        _names[0] = name;
        _values[0] = default;
        int result = TryGet(1);
        value = _values[0];
        return result;
    }

    internal int TrySet(WHV_REGISTER_NAME name, in WHV_REGISTER_VALUE value)
    {
        _names[0] = name;
        _values[0] = value;
        return TrySet(1);
    }

    internal WHV_REGISTER_VALUE Get(WHV_REGISTER_NAME name)
    {
        int result = TryGet(name, out WHV_REGISTER_VALUE value);
        return result >= 0 ? value : throw WhpError.FromResult($"{nameof(WhvFunctions.WHvGetVirtualProcessorRegisters)}({name})", result);
    }

    internal void Set(WHV_REGISTER_NAME name, in WHV_REGISTER_VALUE value)
    {
        int result = TrySet(name, value);
        if (result < 0)
        {
            throw WhpError.FromResult($"{nameof(WhvFunctions.WHvSetVirtualProcessorRegisters)}({name})", result);
        }
    }

    internal ulong Get64(WHV_REGISTER_NAME name) => Get(name).Reg64;

    internal void Set64(WHV_REGISTER_NAME name, ulong value) => Set(name, new WHV_REGISTER_VALUE { Reg64 = value });

    internal bool TryGetMsr(uint msr, out ulong value)
    {
        value = 0;
        if (!WhpMsrs.TryGetName(msr, out WHV_REGISTER_NAME name) || TryGet(name, out WHV_REGISTER_VALUE register) < 0)
        {
            return false;
        }

        value = IsSegment(name) ? register.Segment.Base : register.Reg64;
        return true;
    }

    /// <summary>Writes a model-specific register.</summary>
    /// <returns>The platform's result; <see cref="HRESULTS.WHV_E_INVALID_VP_REGISTER_NAME"/> for one that it does not keep.</returns>
    internal int TrySetMsr(uint msr, ulong value)
    {
        if (!WhpMsrs.TryGetName(msr, out WHV_REGISTER_NAME name))
        {
            return HRESULTS.WHV_E_INVALID_VP_REGISTER_NAME;
        }

        WHV_REGISTER_VALUE register = new() { Reg64 = value };
        if (IsSegment(name))
        {
            int result = TryGet(name, out register);
            if (result < 0)
            {
                return result;
            }

            register.Segment.Base = value;
        }

        return TrySet(name, register);
    }

    /// <summary>Indexes of the model-specific registers that the platform lets be read.</summary>
    internal uint[] FindMsrs()
    {
        var indexes = new List<uint>();
        foreach ((uint msr, _) in WhpMsrs.All)
        {
            if (TryGetMsr(msr, out _))
            {
                indexes.Add(msr);
            }
        }

        return [.. indexes];
    }

    private static bool IsSegment(WHV_REGISTER_NAME name) => name is WHV_REGISTER_NAME.WHvX64RegisterFs or WHV_REGISTER_NAME.WHvX64RegisterGs;
}
