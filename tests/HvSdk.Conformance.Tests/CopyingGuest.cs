using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>A guest that copies a region's first 8 bytes to its last 8, and ends.</summary>
internal static class CopyingGuest
{
    internal static TestMachine Create(ulong region, int size) => new(Guest.Program(g =>
    {
        g.Set(GuestRegister.Address, region);
        g.Load(8);
        g.Store(8, size - 8);
        g.End();
    }));
}
